import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { examplePoint } from "../status.fixture.ts";
import {
  accuracyRange,
  centredMean,
  columnsOf,
  decadeRange,
  decades,
  fromZeroRange,
  nearestIndex,
  samplesRange,
} from "./series.ts";

describe("columnsOf", () => {
  it("gives every column the length of the series", () => {
    const series = [8, 16, 24].map((samples) => examplePoint({ samples }));
    const columns = columnsOf(series, 1_000);
    expect(columns.samples).toEqual([8, 16, 24]);
    expect(columns.denseBytes).toEqual([1_000, 1_000, 1_000]);
    for (const column of Object.values(columns)) expect(column).toHaveLength(3);
  });

  it("keeps samples increasing, as a chart needs", () => {
    const anySeries = fc.array(fc.nat({ max: 50 }));
    fc.assert(
      fc.property(anySeries, (samplesOf) => {
        const series = samplesOf.map((samples) => examplePoint({ samples }));
        const { samples } = columnsOf(series, 1_000);
        expect(samples.every((value, i) => i === 0 || value > samples[i - 1]!)).toBe(true);
      }),
    );
  });

  it("leaves gaps where there is no update and no finite figure", () => {
    const columns = columnsOf([examplePoint({ updateBytes: 0, loss: Number.NaN })], 1_000);
    expect(columns.updateBytes).toEqual([null]);
    expect(columns.loss).toEqual([null]);
    expect(columns.lossMean).toEqual([null]);
  });

  it("takes an empty series", () => {
    expect(columnsOf([], 1_000).samples).toEqual([]);
  });
});

describe("centredMean", () => {
  it("is the mean of what lies around, gaps not counted", () => {
    expect(centredMean([1, 2, 6, null, 4], 3)).toEqual([1.5, 3, 4, 5, 4]);
  });

  it("leaves constants alone", () => {
    expect(centredMean([7, 7, 7, 7], 15)).toEqual([7, 7, 7, 7]);
  });
});

describe("nearestIndex", () => {
  it("finds what a search through everything finds", () => {
    const increasing = fc.uniqueArray(fc.integer({ min: 0, max: 1e6 }), { minLength: 1 });
    fc.assert(
      fc.property(
        increasing,
        fc.double({ min: -10, max: 1.1e6, noNaN: true }),
        (values, target) => {
          values.sort((a, b) => a - b);
          const distance = Math.min(...values.map((value) => Math.abs(value - target)));
          const found = values[nearestIndex(values, target)!]!;
          expect(Math.abs(found - target)).toBe(distance);
        },
      ),
    );
  });

  it("finds nothing in nothing", () => {
    expect(nearestIndex([], 3)).toBeNull();
  });
});

describe("axis ranges", () => {
  it("show accuracy from the tenth below the data up to 1", () => {
    expect(accuracyRange(0.43)).toEqual([0.4, 1]);
    expect(accuracyRange(1)).toEqual([0.9, 1]);
    expect(accuracyRange(0)).toEqual([0, 1]);
    expect(accuracyRange(null)).toEqual([0, 1]);
  });

  it("show bytes in whole decades", () => {
    expect(decadeRange(1_900, 246_824)).toEqual([1_000, 1_000_000]);
    expect(decadeRange(1_000, 1_000)).toEqual([1_000, 10_000]);
    expect(decadeRange(null, null)).toEqual([1, 10]);
    expect(decades(1_000, 1_000_000)).toEqual([1_000, 10_000, 100_000, 1_000_000]);
  });

  it("show samples from 0 unless the series begins late", () => {
    expect(samplesRange(8, 4_000)).toEqual([0, 4_000]);
    expect(samplesRange(8, 8)).toEqual([0, 8]);
    expect(samplesRange(50_000, 60_000)).toEqual([50_000, 60_000]);
    expect(samplesRange(null, null)).toEqual([0, 1]);
  });

  it("show loss from 0", () => {
    expect(fromZeroRange(2)[0]).toBe(0);
    expect(fromZeroRange(2)[1]).toBeGreaterThan(2);
    expect(fromZeroRange(null)).toEqual([0, 1]);
  });
});
