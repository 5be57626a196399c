import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ThinnedWindow } from "./thinned-window.ts";

function candidatesOf(window: ThinnedWindow): readonly (readonly [count: number, sum: number])[] {
  const into = new Float64Array(ThinnedWindow.CANDIDATE_NUMBERS);
  const count = window.candidates(into);
  return Array.from({ length: count }, (_, i) => [into[2 * i]!, into[2 * i + 1]!]);
}

describe("a thinned window", () => {
  it("has as candidates exact sums of the newest values, the last one of all", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 400 }), (values) => {
        const window = new ThinnedWindow();
        for (const value of values) window.add(value);
        const total = values.reduce((sum, value) => sum + value, 0);
        expect([window.count, window.total]).toEqual([values.length, total]);
        const candidates = candidatesOf(window);
        const expected = candidates.map(([count]) => [
          count,
          values.slice(values.length - count).reduce((sum, value) => sum + value, 0),
        ]);
        expect(candidates).toEqual(expected);
        if (values.length > 0) expect(candidates.at(-1)?.[0]).toBe(values.length);
      }),
      { numRuns: 20 },
    );
  });

  it("has one no farther than an eighth from wherever a change is, and few", () => {
    const window = new ThinnedWindow();
    for (let i = 0; i < 5_000; i++) window.add(1);
    const counts = candidatesOf(window).map(([count]) => count);
    expect(counts.length).toBeLessThan(90);
    const far = Array.from({ length: 4_999 }, (_, i) => i + 1).filter((at) =>
      counts.every((count) => Math.abs(count - at) > at / 8),
    );
    expect(far).toEqual([]);
  });

  it("drops the oldest values when there are a million", () => {
    const window = new ThinnedWindow();
    for (let i = 0; i < 1_100_000; i++) window.add(i < 100_000 ? 1 : 0);
    expect(window.total).toBe(Math.max(0, window.count - 1_000_000));
    expect(window.count).toBeLessThan(1_048_600);
    expect(window.count).toBeGreaterThan(1_048_600 - 2 ** 17);
  });
});
