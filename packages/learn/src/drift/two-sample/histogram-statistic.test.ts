import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hellingerDistance } from "./distances.ts";
import { histogramStatistic } from "./histogram-statistic.ts";
import { type Rows, rowsAt } from "./rows.ts";

const FEATURES = 3;
const RECENT = 4;

const rowsOf = (rows: readonly (readonly number[])[]): Rows => ({
  count: rows.length,
  features: FEATURES,
  data: Float64Array.from(rows.flat()),
});
const value = fc.oneof(fc.double({ min: -5, max: 5, noNaN: true }), fc.constantFrom(NaN, 0, 1));
const row = fc.array(value, { minLength: FEATURES, maxLength: FEATURES });
const reference = fc.array(row, { minLength: 5, maxLength: 20 });

const fit = (rows: Rows): ReturnType<typeof histogramStatistic> =>
  histogramStatistic(rows, { distance: hellingerDistance, valueMin: 0, recentSamples: RECENT });

describe("a statistic of histograms", () => {
  it("says of rows that come and go what it says of the newest ones", () => {
    fc.assert(
      fc.property(reference, fc.array(row, { minLength: 1, maxLength: 12 }), (first, second) => {
        const known = rowsOf(first);
        const statistic = fit(known);
        second.forEach((each, i) => {
          statistic.sliding?.add(each);
          const newest = rowsOf(second.slice(Math.max(0, i + 1 - RECENT), i + 1));
          expect(statistic.sliding?.values()).toEqual(statistic.values(known, newest));
        });
      }),
    );
  });

  it("says of drawn positions what it says of the rows that are there", () => {
    const drawn = fc.array(fc.nat(), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(reference, drawn, drawn, (rows, first, second) => {
        const known = rowsOf(rows);
        const [a, b] = [first, second].map((all) =>
          Uint32Array.from(all, (at) => at % known.count),
        ) as [Uint32Array, Uint32Array];
        const statistic = fit(known);
        const expected = statistic.values(rowsAt(known, a), rowsAt(known, b));
        expect(statistic.resampled(a, b)).toEqual(expected);
        expect(statistic.resampled(a, b), "a second time").toEqual(expected);
      }),
    );
  });

  it("takes what is infinite as missing", () => {
    const statistic = fit(rowsOf(Array.from({ length: 20 }, (_, i) => [i, i, i])));
    const [odd, missing] = [fit(rowsOf([[1, 2, 3]])), fit(rowsOf([[1, 2, 3]]))];
    odd.sliding?.add([Infinity, 2, -Infinity]);
    missing.sliding?.add([NaN, 2, NaN]);
    expect(odd.sliding?.values()).toEqual(missing.sliding?.values());
    expect(statistic.sliding?.values()).toEqual(new Float64Array(FEATURES));
  });
});
