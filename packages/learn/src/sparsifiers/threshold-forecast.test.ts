import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Forecast, forecastAfter, levelOf } from "./threshold-forecast.ts";

/** Numbers are so dense near a threshold: about k · (level / threshold)^−36 are above a level. */
function candidatesPerWanted(level: number, threshold: number): number {
  return Math.min(100, (level / threshold) ** -36);
}

/** Follows thresholds as a selection does; the levels that it forecast over what came. */
function followed(thresholds: readonly number[]): readonly number[] {
  let forecast: Forecast | null = null;
  return thresholds.map((threshold) => {
    const level = forecast === null ? 0 : levelOf(forecast);
    const candidates = candidatesPerWanted(level, threshold);
    forecast = forecastAfter(forecast, {
      threshold,
      candidatesPerWanted: candidates > 4 ? Infinity : candidates,
      isMissed: level > threshold,
    });
    return level / threshold;
  });
}

const range = (length: number, value: (i: number) => number): readonly number[] =>
  Array.from({ length }, (_, i) => value(i));

describe("the forecast of a threshold", () => {
  it.each<[string, readonly number[]]>([
    ["stays", range(60, () => 1e-2)],
    ["rises by what gets less and less", range(60, (i) => Math.sqrt(i + 1))],
    ["falls by what gets less and less", range(60, (i) => 1 + 1 / (i + 10))],
    ["goes up and down a little", range(60, (i) => 1 + 0.002 * Math.sin(i * i))],
  ])("is not above a threshold that %s, and soon close below it", (_how, thresholds) => {
    const levels = followed(thresholds);
    expect(Math.max(...levels)).toBeLessThanOrEqual(1);
    expect(Math.min(...levels.slice(20))).toBeGreaterThan(0.965);
  });

  it("takes a single leap for no trend", () => {
    const levels = followed([...range(30, () => 1), 1.3, 1.3, 1.3]);
    expect(levels.at(-2)).toBeLessThanOrEqual(1);
    expect(levels.at(-1)).toBeLessThanOrEqual(1);
  });

  it("begins well below, comes closer where there are many, and goes away when it was too close", () => {
    const selection = { threshold: 1, candidatesPerWanted: 1.5, isMissed: false };
    const first = forecastAfter(null, selection);
    expect(levelOf(first)).toBe(Math.fround(0.8));
    expect(forecastAfter(first, selection).share).toBe(0.8);
    expect(forecastAfter(first, { ...selection, candidatesPerWanted: 2.5 }).share).toBeCloseTo(
      0.84,
    );
    const nearer = forecastAfter(first, { ...selection, candidatesPerWanted: Infinity });
    expect(nearer.share).toBeCloseTo(0.9);
    expect(forecastAfter(nearer, { ...selection, isMissed: true }).share).toBeCloseTo(0.8);
  });

  it("stays between four fifths and 99 hundredths of what is expected, whatever comes", () => {
    const threshold = fc.double({ min: 1e-40, max: 1e30, noNaN: true });
    const candidates = fc.constantFrom(1, 3, Infinity);
    const selection = fc.record({
      threshold,
      candidatesPerWanted: candidates,
      isMissed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(selection, { minLength: 1 }), (selections) => {
        let forecast: Forecast | null = null;
        for (const each of selections) {
          forecast = forecastAfter(forecast, each);
          expect(forecast.share).toBeGreaterThanOrEqual(0.8);
          expect(forecast.share).toBeLessThanOrEqual(0.99);
          expect(forecast.growth).toBeGreaterThanOrEqual(0.8);
          expect(forecast.growth).toBeLessThanOrEqual(1.5);
          expect(levelOf(forecast)).toBeGreaterThan(0);
          expect(levelOf(forecast)).toBe(Math.fround(levelOf(forecast)));
        }
      }),
    );
  });
});
