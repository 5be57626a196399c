import { image, type Sample } from "@everfresh/core";
import { digits, memoryHistory } from "@everfresh/streams";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { assembleBatch } from "../batch.ts";
import { batchReader } from "./batch-reader.ts";

const COUNT = 900;
const PREPROCESSING = image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] });
/** Of 256 samples. */
const SLAB_BYTES = 256 * (4 * 784 + 16);

const history = memoryHistory();
const drawn: Sample[] = [];
for await (const sample of digits({ seed: 2, size: 60 }).read()) drawn.push(sample);
await history.append(
  Array.from({ length: COUNT }, (_, n) => {
    // No two are alike.
    const features = new Uint8Array(drawn[n % drawn.length]?.features ?? []);
    features.set([n & 255, n >> 8]);
    return { id: `${n}`, eventTimeMs: n, features, label: n % 10 };
  }),
);

describe("batchReader", () => {
  it("gives what reading and preprocessing would, however small its memory is", async () => {
    const batches = fc.array(fc.array(fc.nat(COUNT - 1), { minLength: 1, maxLength: 40 }), {
      maxLength: 12,
    });
    const budgets = fc.constantFrom(0, SLAB_BYTES, 2 * SLAB_BYTES + 1, undefined);
    await fc.assert(
      fc.asyncProperty(batches, budgets, async (asked, cacheBytesMax) => {
        const options = cacheBytesMax === undefined ? {} : { cacheBytesMax };
        const reader = batchReader(history, PREPROCESSING, options);
        for (const positions of asked) {
          const expected = assembleBatch(PREPROCESSING, await history.read(positions));
          expect(await reader.read(positions)).toEqual(expected);
          const again = positions.map((position) => (position * 7) % COUNT);
          for (const list of [positions, again])
            expect(await reader.eventTimesMs(list)).toEqual(list);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("knows the event times of what it has read", async () => {
    const read = vi.fn(history.read.bind(history));
    const reader = batchReader({ read }, PREPROCESSING);
    await reader.read([4, 9, 300]);
    expect(await reader.eventTimesMs([300, 4])).toEqual([300, 4]);
    expect(read).toHaveBeenCalledTimes(1);
    expect(await reader.eventTimesMs([9, 5, 300, 5])).toEqual([9, 5, 300, 5]);
    expect(read).toHaveBeenLastCalledWith([5, 5]);
  });

  it("leaves a batch alone while the next one is prepared", async () => {
    const reader = batchReader(history, PREPROCESSING);
    const first = await reader.read([1, 2]);
    const expected = assembleBatch(PREPROCESSING, await history.read([1, 2]));
    await reader.read([3, 4, 5]);
    expect(first).toEqual(expected);
  });

  it("reads nothing twice that it has room for, and keeps the newest", async () => {
    const reads: number[] = [];
    const watched = {
      read: (positions: readonly number[]) => {
        reads.push(...positions);
        return history.read(positions);
      },
    };
    const readsOf = async (
      reader: { read(positions: readonly number[]): Promise<unknown> },
      positions: readonly number[],
    ): Promise<readonly number[]> => {
      reads.length = 0;
      await reader.read(positions);
      return [...reads];
    };
    const roomy = batchReader(watched, PREPROCESSING);
    expect(await readsOf(roomy, [3, 800, 3])).toEqual([3, 800, 3]);
    expect(await readsOf(roomy, [800, 4, 3])).toEqual([4]);
    const narrow = batchReader(watched, PREPROCESSING, { cacheBytesMax: 2 * SLAB_BYTES });
    await narrow.read([0, 300]);
    expect(await readsOf(narrow, [0, 300])).toEqual([]);
    await narrow.read([512]);
    expect(await readsOf(narrow, [0, 300, 512])).toEqual([0]);
    expect(await readsOf(narrow, [0, 300, 512])).toEqual([0]);
  });
});
