import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitPlan } from "./execution-plan.ts";
import { evenRows, paddedRows, type Rows, STATISTICS_ROWS_MIN } from "./shard-rows.ts";

const sizes = fc.integer({ min: 1, max: 500 });
const counts = fc.integer({ min: 1, max: 9 });

/** Every row is in exactly one part, in order; there is a part for every worker. */
function expectPartition(parts: readonly Rows[], size: number, workers: number): void {
  expect(parts).toHaveLength(workers);
  let at = 0;
  for (const [from, to] of parts) {
    expect(from).toBe(at);
    expect(to).toBeGreaterThanOrEqual(from);
    at = to;
  }
  expect(at).toBe(size);
}

describe("the rows of a batch", () => {
  it("are split into parts that are padded to one size", () => {
    fc.assert(
      fc.property(sizes, counts, fc.integer({ min: 0, max: 400 }), (size, workers, more) => {
        const shardSize = Math.ceil((size + more) / workers);
        const parts = paddedRows(size, workers, shardSize);
        expectPartition(parts, size, workers);
        for (const [from, to] of parts) expect(to - from).toBeLessThanOrEqual(shardSize);
      }),
    );
  });

  it("are split evenly where they share statistics, into parts that are large enough", () => {
    fc.assert(
      fc.property(sizes, counts, (size, workers) => {
        const parts = evenRows(size, workers);
        expectPartition(parts, size, workers);
        const used = parts.map(([from, to]) => to - from).filter((rows) => rows > 0);
        expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(1);
        if (used.length > 1) expect(Math.min(...used)).toBeGreaterThanOrEqual(STATISTICS_ROWS_MIN);
        if (size >= workers * STATISTICS_ROWS_MIN) expect(used).toHaveLength(workers);
      }),
    );
  });
});

describe("splitPlan", () => {
  const normalising = { batchSize: 128, batchStatistics: true, cores: 8 };

  it("has few workers by default, and no more than samples", () => {
    const plain = { ...normalising, batchStatistics: false };
    expect(splitPlan({}, plain)).toEqual({ workers: 2, threadsPerWorker: 1 });
    expect(splitPlan({ workers: 5 }, { ...plain, batchSize: 3 })).toMatchObject({ workers: 3 });
    expect(splitPlan({ batchNorm: "exact" }, plain)).toEqual({ workers: 2, threadsPerWorker: 1 });
  });

  it("says how a model that normalises is split", () => {
    expect(splitPlan({}, normalising)).toEqual({
      workers: 2,
      threadsPerWorker: 1,
      batchNorm: "shard",
    });
    const exact = { workers: 1, threadsPerWorker: 2, batchNorm: "exact" };
    expect(splitPlan({ batchNorm: "exact" }, normalising)).toEqual(exact);
    expect(splitPlan({}, { ...normalising, batchSize: 31 })).toEqual(exact);
    // What was reported can be asked for again.
    expect(splitPlan(exact as never, normalising)).toEqual(exact);
  });

  it("refuses numbers that are none", () => {
    for (const asked of [{ workers: 0 }, { workers: 1.5 }, { threadsPerWorker: -1 }]) {
      expect(() => splitPlan(asked, normalising)).toThrow(RangeError);
    }
    expect(() => splitPlan({}, { ...normalising, batchSize: 0 })).toThrow(RangeError);
  });
});
