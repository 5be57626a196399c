import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addLag, lagSummary, noLags } from "./lag-histogram.ts";

describe("a lag histogram", () => {
  it("has quantiles that are not below the exact ones, and at most 19 % above", () => {
    const lags = fc.array(fc.oneof(fc.nat(5), fc.double({ min: 0, max: 1e9, noNaN: true })), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(lags, (list) => {
        const counts = noLags();
        for (const lag of list) addLag(counts, lag);
        const sorted = list.toSorted((a, b) => a - b);
        const summary = lagSummary(JSON.parse(JSON.stringify(counts)) as typeof counts);
        for (const [part, found] of [
          [0.5, summary.p50],
          [0.9, summary.p90],
          [0.99, summary.p99],
        ] as const) {
          const exact = sorted[Math.ceil(part * sorted.length) - 1]!;
          expect(found).toBeGreaterThanOrEqual(exact < 1 ? 0 : exact * (1 - 1e-9));
          expect(found).toBeLessThanOrEqual(exact < 1 ? 0 : exact * 2 ** 0.25 * (1 + 1e-9));
        }
        expect(summary.max).toBe(sorted.at(-1));
        expect(summary.count).toBe(list.length);
      }),
    );
  });

  it("is all 0 without lags, and bounded whatever they are", () => {
    const counts = noLags();
    expect(lagSummary(counts)).toEqual({ count: 0, mean: 0, max: 0, p50: 0, p90: 0, p99: 0 });
    addLag(counts, Number.MAX_VALUE);
    expect(counts.buckets.length).toBeLessThan(200);
  });
});
