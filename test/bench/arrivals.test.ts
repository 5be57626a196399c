import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { arrivalsOf } from "../../bench/arrivals.ts";

const MINUTE_MS = 60_000;

function gapsOf(times: Float64Array): number[] {
  return Array.from(times, (time, i) => time - (times[i - 1] ?? 0));
}

describe("arrivalsOf", () => {
  it("spaces fixed arrivals evenly", () => {
    const times = arrivalsOf("fixed", 4, 2_000, new Random(1));
    expect([...times]).toEqual([250, 500, 750, 1_000, 1_250, 1_500, 1_750]);
  });

  it("gives Poisson arrivals the rate, and gaps whose deviation is their mean", () => {
    const gaps = gapsOf(arrivalsOf("poisson", 500, MINUTE_MS, new Random(1)));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    // 30,000 gaps: a standard error of 0.6 %, of the deviation 0.8 %.
    expect(mean).toBeCloseTo(2, 1);
    expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
    // Exponential: e^-3 of the gaps are longer than three means.
    const long = gaps.filter((gap) => gap > 6).length / gaps.length;
    expect(long).toBeCloseTo(Math.exp(-3), 2);
  });

  it.each(["fixed", "poisson"] as const)("keeps %s arrivals in order and in time", (kind) => {
    const times = arrivalsOf(kind, 300, MINUTE_MS / 10, new Random(2));
    expect(gapsOf(times).every((gap) => gap > 0)).toBe(true);
    expect(times.at(-1)).toBeLessThan(MINUTE_MS / 10);
    expect(times.length).toBeGreaterThan(1_500);
  });
});
