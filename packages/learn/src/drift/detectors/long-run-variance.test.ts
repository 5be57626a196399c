import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { LongRunVariance } from "./long-run-variance.ts";

/** xₜ = a xₜ₋₁ + b xₜ₋₂ + a normal number. */
function autoregression(count: number, [a, b]: readonly [number, number], seed = 1): number[] {
  const random = new Random(seed);
  let [last, before] = [0, 0];
  return Array.from({ length: count }, () => {
    [last, before] = [a * last + b * before + random.normal(), last];
    return last;
  });
}

function momentsOf(values: readonly number[]): ReturnType<LongRunVariance["moments"]> {
  const variance = new LongRunVariance();
  for (const value of values) variance.add(value);
  return variance.moments();
}

describe("the long-run variance", () => {
  it.each([0, 0.5, 0.9])("of an autoregression with ρ = %d is 1 / (1 − ρ)²", (rho) => {
    const { variance, inflation } = momentsOf(autoregression(40_000, [rho, 0]));
    expect(variance * (1 - rho) ** 2).toBeCloseTo(1, 1);
    expect((inflation * (1 - rho)) / (1 + rho)).toBeCloseTo(1, 1);
  });

  it("grows where memory is longer than that of neighbours", () => {
    const [a, b] = [0.2, 0.7];
    const { variance, inflation } = momentsOf(autoregression(50_000, [a, b]));
    const exact = 1 / (1 - a - b) ** 2; // 100
    const rho = a / (1 - b);
    expect((inflation * (1 - rho)) / (1 + rho)).toBeGreaterThan(1.5);
    expect(variance).toBeGreaterThan(0.7 * exact);
    expect(variance).toBeLessThan(1.3 * exact);
  });

  it("hardly knows of one change of the mean", () => {
    const values = autoregression(4_000, [0, 0]);
    const stable = momentsOf(values).variance;
    const changed = momentsOf(values.map((value, i) => (i < 3_000 ? value : value + 0.5)));
    expect(changed.variance / stable).toBeLessThan(1.25);
  });

  it("is that of the values whatever they are added to", () => {
    const values = autoregression(5_000, [0.3, 0]);
    const near = momentsOf(values);
    const far = momentsOf(values.map((value) => value + 1e8));
    expect(far.variance / near.variance).toBeCloseTo(1, 5);
    expect(far.skewness).toBeCloseTo(near.skewness, 4);
  });

  it("is 0 of constant values, and never negative of alternating ones", () => {
    expect(momentsOf(new Array<number>(50).fill(0.3)).variance).toBe(0);
    expect(momentsOf([]).variance).toBe(0);
    expect(momentsOf(Array.from({ length: 99 }, (_, i) => i % 2)).variance).toBeGreaterThan(0);
  });

  it("comes with the skewness of the values: 2 of exponential ones", () => {
    const random = new Random(2);
    const values = Array.from({ length: 40_000 }, () => -Math.log(1 - random.float()));
    expect(momentsOf(values).skewness).toBeCloseTo(2, 0);
    expect(momentsOf(values.map((value) => -value)).skewness).toBeCloseTo(-2, 0);
  });

  it("is known as exactly as its degrees of freedom say", () => {
    for (const rho of [0.3, 0.6]) {
      const found = Array.from({ length: 200 }, (_, seed) =>
        momentsOf(autoregression(300, [rho, 0], seed + 10)),
      );
      const logs = found.map(({ variance }) => Math.log(variance));
      const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
      const spread = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / logs.length;
      const told = found.reduce((sum, each) => sum + 2 / each.degreesOfFreedom, 0) / found.length;
      expect(spread / told).toBeGreaterThan(0.6);
      expect(spread / told).toBeLessThan(1.8);
    }
  });
});
