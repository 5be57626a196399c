import { deployCopy, Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { randomSubset } from "./random-subset.ts";
import { sparsifierOf } from "./sparsifier-of.ts";
import { randomState, zeroState } from "./states.fixture.ts";

describe("random subsets", () => {
  it.each([
    [3, 6],
    [2, 7],
    [5, 7],
  ])("of %i of %i are all equally likely", (count, limit) => {
    const random = new Random(1);
    const seen = new Map<string, number>();
    const draws = 42_000;
    for (let i = 0; i < draws; i++) {
      const key = randomSubset(random, count, limit).join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    const subsets = { 6: 20, 7: 21 }[limit] ?? 0;
    expect(seen.size).toBe(subsets);
    const expected = draws / subsets;
    const chiSquare = [...seen.values()].reduce(
      (sum, n) => sum + (n - expected) ** 2 / expected,
      0,
    );
    expect(chiSquare).toBeLessThan(45.3); // 99.9 % quantile of χ²(20)
    expect(chiSquare).toBeGreaterThan(5.4); // 0.05 % quantile of χ²(19): too even otherwise
  });

  it.each([30, 70])("of %i of 100 hold every number equally often", (count) => {
    const [limit, draws] = [100, 20_000];
    const random = new Random(2);
    const hits = new Float64Array(limit);
    for (let i = 0; i < draws; i++)
      for (const at of randomSubset(random, count, limit)) hits[at]!++;
    // As for the uniform sampler: χ²(99) with this scale.
    const p = count / limit;
    let chiSquare = 0;
    for (const hit of hits) chiSquare += (hit - draws * p) ** 2 / (draws * p * (1 - p));
    chiSquare *= (limit - 1) / limit;
    expect(chiSquare).toBeLessThan(148.2); // 99.9 % quantile
    expect(chiSquare).toBeGreaterThan(60.1); // 0.05 % quantile
  });

  it("ascend, are distinct, and take few random numbers whatever the limit", () => {
    const random = new Random(3);
    for (const [count, limit] of [
      [0, 5],
      [5, 5],
      [1, 1],
      [64, 65],
      [1_000, 1_000_000],
      [999_000, 1_000_000],
    ] as const) {
      const subset = randomSubset(random, count, limit);
      expect(subset).toHaveLength(count);
      expect(subset.every((each, i) => each < limit && (i === 0 || each > subset[i - 1]!))).toBe(
        true,
      );
    }
    expect(random.position.drawn).toBeLessThan(2_200);
  });
});

describe("randomK", () => {
  const amount = { kind: "ratio", ratio: 0.1 } as const;

  it("moves by the whole difference on average when unbiased, by k / n of it otherwise", () => {
    const trained = randomState(1);
    const deployed = deployCopy(zeroState(), 0).state;
    deployed.parameters.fill(0.25);
    const draws = 6_000;
    for (const unbiased of [true, false]) {
      const sparsifier = sparsifierOf(
        { kind: "randomK", unbiased, amount, valueType: "float32" },
        { seed: 5 },
      );
      const sums = new Float64Array(trained.parameters.length);
      for (let i = 0; i < draws; i++) {
        const { indices, values } = sparsifier.select(trained, deployed);
        indices.forEach((index, at) => (sums[index]! += values[at]! - 0.25));
      }
      // k = 52 of 518. The mean of a scaled coin of probability p, over its difference, has a
      // deviation of √((1 − p) / p / draws) = 0.039: all 518 within 5 of them.
      const p = 52 / 518;
      sums.forEach((sum, i) => {
        const mean = sum / draws / (trained.parameters[i]! - 0.25);
        expect(Math.abs(mean / (unbiased ? 1 : p) - 1)).toBeLessThan(5 * 0.039);
      });
      const overall = sums.reduce(
        (total, sum, i) => total + sum / (trained.parameters[i]! - 0.25),
        0,
      );
      expect(overall / draws / 518 / (unbiased ? 1 : p)).toBeCloseTo(1, 1);
    }
  });

  it("draws by its own seed where it has one, else by the run's", () => {
    const select = (seed: number | undefined, run: number): readonly number[] => [
      ...sparsifierOf(
        {
          ...{ kind: "randomK", unbiased: false, amount, valueType: "float32" },
          ...(seed === undefined ? {} : { seed }),
        },
        { seed: run },
      ).select(randomState(1), zeroState()).indices,
    ];
    expect(select(7, 1)).toEqual(select(7, 2));
    expect(select(undefined, 1)).not.toEqual(select(undefined, 2));
    expect(select(undefined, 7)).toEqual(select(7, 1));
  });
});
