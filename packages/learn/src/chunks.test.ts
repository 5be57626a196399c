import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chunksOf } from "./chunks.ts";

async function* numbers(count: number, pulled: number[] = []): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) {
    await Promise.resolve();
    pulled.push(n);
    yield n;
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("chunksOf", () => {
  it("keeps all items in order, in full chunks and one shorter last one", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.integer({ min: 1, max: 20 }), async (count, size) => {
        const chunks = await collect(chunksOf(numbers(count), size));
        expect(chunks.flat()).toEqual(Array.from({ length: count }, (_, i) => i));
        expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true);
        expect(chunks.every(({ length }) => length >= 1 && length <= size)).toBe(true);
      }),
    );
  });

  it("asks for no item before the consumer asks for the chunk", async () => {
    const pulled: number[] = [];
    const chunks = chunksOf(numbers(100, pulled), 8);
    expect(pulled).toHaveLength(0);
    await chunks.next();
    await chunks.next();
    await Promise.resolve();
    expect(pulled).toHaveLength(16);
  });

  it("drops the chunk it is filling when aborted, also when the source ends or throws for it", async () => {
    const afterAbort = {
      continue: () => undefined,
      throw: (signal: AbortSignal) => signal.throwIfAborted(),
    };
    for (const react of Object.values(afterAbort)) {
      const abort = new AbortController();
      const source = async function* (): AsyncGenerator<number> {
        for await (const n of numbers(13)) {
          if (n === 12) abort.abort();
          react(abort.signal);
          yield n;
        }
      };
      expect(await collect(chunksOf(source(), 5, abort.signal))).toHaveLength(2);
    }
    const abort = new AbortController();
    const ending = async function* (): AsyncGenerator<number> {
      yield* numbers(7);
      abort.abort();
    };
    expect(await collect(chunksOf(ending(), 5, abort.signal))).toHaveLength(1);
  });

  it("passes on an error of the source, and lets go of it when left", async () => {
    let released = 0;
    const source = async function* (fails: boolean): AsyncGenerator<number> {
      try {
        yield* numbers(7);
        if (fails) throw new Error("unreadable");
        yield* numbers(7);
      } finally {
        released++;
      }
    };
    await expect(collect(chunksOf(source(true), 5))).rejects.toThrow("unreadable");
    for await (const chunk of chunksOf(source(false), 5)) {
      expect(chunk).toHaveLength(5);
      break;
    }
    expect(released).toBe(2);
  });
});
