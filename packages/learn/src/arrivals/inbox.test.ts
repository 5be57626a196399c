import { ManualClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { oneTurn } from "../trainer.fixture.ts";
import { Inbox, type InboxOptions } from "./inbox.ts";

const forever = (): Promise<void> => new Promise(() => undefined);

function inboxOf(source: AsyncIterable<number>, options: Partial<InboxOptions> = {}) {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  return new Inbox(source, { capacity: 4, clock, sleep: forever, signal, ...options });
}

async function* numbers(count: number, read: number[] = []): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) {
    await Promise.resolve();
    read.push(n);
    yield n;
  }
}

const itemsOf = (inbox: Inbox<number>, most: number, least = 1): readonly number[] =>
  inbox.take(most, least).map(({ item }) => item);

describe("an inbox", () => {
  it("reads ahead as far as it has room, and gives everything in its order", async () => {
    const read: number[] = [];
    const inbox = inboxOf(numbers(11, read));
    await inbox.filled(4, null);
    await oneTurn();
    expect([inbox.waiting, read.length]).toEqual([4, 4]);
    expect(itemsOf(inbox, 3)).toEqual([0, 1, 2]);
    await inbox.filled(4, null);
    expect(read).toHaveLength(7);
    const rest: number[] = [];
    while (!inbox.isOver) {
      await inbox.filled(4, null);
      rest.push(...itemsOf(inbox, 4));
    }
    expect(rest).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("waits for as many as are wanted, but not beyond the end, a time or an abort", async () => {
    const ending = inboxOf(numbers(2));
    await ending.filled(3, null);
    expect(itemsOf(ending, 9)).toEqual([0, 1]);
    expect(ending.isOver).toBe(true);

    const slow = inboxOf(
      { [Symbol.asyncIterator]: () => ({ next: forever as never }) },
      {
        sleep: oneTurn,
      },
    );
    await slow.filled(1, 20);
    expect(itemsOf(slow, 1)).toEqual([]);

    const abort = new AbortController();
    const aborted = inboxOf(numbers(2), { signal: abort.signal });
    setImmediate(() => abort.abort());
    await aborted.filled(4, null);
    expect(aborted.waiting).toBeLessThan(4);
  });

  it("gives what came before the source failed, then says why, however often it is asked", async () => {
    async function* failing(): AsyncGenerator<number> {
      yield* numbers(3);
      throw new Error("unreadable");
    }
    const inbox = inboxOf(failing());
    await inbox.filled(4, null);
    expect(itemsOf(inbox, 2, 2)).toEqual([0, 1]);
    expect(() => inbox.take(2, 2)).toThrow("unreadable");
    expect(() => inbox.take(2, 2)).toThrow("unreadable");
    expect(inbox.isOver).toBe(false);
  });

  it("knows when each item came", async () => {
    const clock = new ManualClock(5);
    async function* ticking(): AsyncGenerator<number> {
      for await (const n of numbers(3)) {
        clock.advance(10);
        yield n;
      }
    }
    const inbox = inboxOf(ticking(), { clock });
    await inbox.filled(3, null);
    expect(inbox.take(3, 1).map(({ atMs }) => atMs)).toEqual([15, 25, 35]);
  });
});
