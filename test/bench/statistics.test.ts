import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distributionOf, quantile } from "../../bench/statistics.ts";

// Without -0, which is neither below nor above 0 and yet another value.
const value = fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map((each) => each + 0);
const values = fc.array(value, { minLength: 1 });

describe("distributionOf", () => {
  it("agrees with the definition: the smallest value that so many do not exceed", () => {
    fc.assert(
      fc.property(values, (list) => {
        const { count, p50, p90, p99, max } = distributionOf(list);
        expect([count, max]).toEqual([list.length, Math.max(...list)]);
        for (const [part, found] of [
          [0.5, p50],
          [0.9, p90],
          [0.99, p99],
        ] as const) {
          const enough = (bound: number): boolean =>
            list.filter((value) => value <= bound).length >= part * list.length;
          expect(enough(found)).toBe(true);
          expect(list.filter((value) => value < found).some(enough)).toBe(false);
          expect(found).toBe(quantile(list, part));
        }
      }),
    );
  });

  it("says that there is nothing of no values", () => {
    expect(distributionOf([])).toEqual({ count: 0, p50: NaN, p90: NaN, p99: NaN, max: NaN });
  });
});
