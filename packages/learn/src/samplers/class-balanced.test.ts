import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { chiSquare, chiSquareLimit, histogram } from "./chi-square.fixture.ts";
import { classBalancedSampler } from "./class-balanced.ts";
import type { Sampler } from "./sampler.ts";
import { samplerConformance } from "./sampler.conformance.ts";

samplerConformance("class-balanced", classBalancedSampler);
samplerConformance(
  "class-balanced over the newest 50",
  (random) => classBalancedSampler(random, 50),
  { sizeOf: (count, limit) => Math.min(count, limit, 50) },
);

/** A sampler that knows these labels. */
function knowing(labels: readonly number[], seed: number, positionsMax?: number): Sampler {
  const sampler = classBalancedSampler(new Random(seed), positionsMax);
  sampler.observe?.(labels.map((label) => ({ eventTimeMs: 0, label })));
  return sampler;
}

const quotas = (labels: readonly number[], drawn: readonly number[]): readonly number[] =>
  histogram(
    drawn.map((at) => labels[at]!),
    Math.max(...labels) + 1,
  );

describe("class-balanced sampler", () => {
  const labels = [
    ...new Array<number>(80).fill(0),
    ...new Array<number>(15).fill(1),
    2,
    2,
    2,
    2,
    2,
  ];

  it("draws as many of each class, and one more of some", () => {
    const sampler = knowing(labels, 1);
    for (let i = 0; i < 200; i++) {
      const counts = quotas(labels, sampler.draw(10, 100));
      expect([...counts].sort()).toEqual([3, 3, 4]);
    }
  });

  it("gives to the others what a class is too small for", () => {
    expect(quotas(labels, knowing(labels, 1).draw(40, 100))).toEqual([20, 15, 5]);
    expect(quotas(labels, knowing(labels, 1).draw(22, 100)).toSorted()).toEqual([5, 8, 9]);
  });

  it("draws a sample with probability k / (C · n_c)", () => {
    const sampler = knowing(labels, 3);
    const [draws, count] = [30_000, 10];
    const hits = histogram(
      Array.from({ length: draws }, () => sampler.draw(count, 100)).flat(),
      100,
    );
    const size = [80, 15, 5];
    const perClass = labels.map((label) => (draws * count) / (3 * size[label]!));
    // Per class: binomial hits, a sum that is nearly fixed.
    for (const label of [0, 1, 2]) {
      const of = (list: readonly number[]): number[] =>
        list.filter((_, at) => labels[at] === label);
      const p = count / 3 / size[label]!;
      const value = chiSquare(of(hits), of(perClass)) / (1 - p);
      expect(value).toBeLessThan(chiSquareLimit(size[label]!));
    }
  });

  it("draws the odd ones of all classes equally often", () => {
    const sampler = knowing(labels, 4);
    const more = histogram(
      Array.from({ length: 9_000 }, () => quotas(labels, sampler.draw(4, 100)).indexOf(2)),
      3,
    );
    expect(chiSquare(more, [3_000, 3_000, 3_000])).toBeLessThan(chiSquareLimit(2) + 2);
  });

  it("knows nothing of a class that has not come yet, or has become too old", () => {
    const later = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
    expect(
      knowing(later, 5)
        .draw(2, 4)
        .every((at) => at < 4),
    ).toBe(true);
    expect(knowing(later, 5, 6).draw(6, 10).toSorted()).toEqual([4, 5, 6, 7, 8, 9]);
  });

  it("keeps its index bounded on an endless stream", () => {
    const sampler = classBalancedSampler(new Random(6), 100);
    for (let limit = 0; limit < 300_000; limit += 1_000) {
      const facts = Array.from({ length: 1_000 }, (_, i) => ({ eventTimeMs: 0, label: i % 2 }));
      sampler.observe?.(facts);
      const drawn = sampler.draw(10, limit + 1_000);
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(limit + 900);
    }
  });
});
