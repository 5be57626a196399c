import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { chiSquare, chiSquareLimit, histogram, successiveLaw } from "./chi-square.fixture.ts";
import { growingHalfLifeSampler } from "./growing-half-life.ts";
import { eventTimeSampler, halfLifeSampler } from "./half-life.ts";
import { inverseCountSampler } from "./inverse-count.ts";
import { linearRecencySampler } from "./linear-recency.ts";
import type { Sampler } from "./sampler.ts";
import { madeFacts, samplerConformance } from "./sampler.conformance.ts";

samplerConformance("half-life", (random) => halfLifeSampler(random, { halfLife: 20 }));
samplerConformance("half-life of a tenth of a sample", (random) =>
  halfLifeSampler(random, { halfLife: 0.1 }),
);
samplerConformance(
  "half-life over the newest 50",
  (random) => halfLifeSampler(random, { halfLife: 20, positionsMax: 50 }),
  { sizeOf: (count, limit) => Math.min(count, limit, 50) },
);
samplerConformance("growing half-life", (random) =>
  growingHalfLifeSampler(random, { share: 0.3, samplesMin: 5 }),
);
samplerConformance("growing half-life of a tenth of a sample", (random) =>
  growingHalfLifeSampler(random, { share: 1e-9, samplesMin: 0.1 }),
);
samplerConformance("event time", (random) => eventTimeSampler(random, { halfLife: 9_000 }));
samplerConformance("event time with a half-life of a second", (random) =>
  eventTimeSampler(random, { halfLife: 1_000 }),
);
samplerConformance(
  "event time over the newest 50",
  (random) => eventTimeSampler(random, { halfLife: 9_000, positionsMax: 50 }),
  { sizeOf: (count, limit) => Math.min(count, limit, 50) },
);
samplerConformance("linear recency", linearRecencySampler);
samplerConformance(
  "linear recency over the newest 50",
  (random) => linearRecencySampler(random, 50),
  { sizeOf: (count, limit) => Math.min(count, limit, 50) },
);
samplerConformance("inverse count", (random) => inverseCountSampler(random));
samplerConformance(
  "inverse count over the newest 50, drawn before",
  (random) => inverseCountSampler(random, { usesBefore: 49, positionsMax: 50 }),
  { sizeOf: (count, limit) => Math.min(count, limit, 50) },
);

/** Compares draws with the exact law of all ordered draws; returns χ² and its 99.99 % quantile. */
function against(
  weights: readonly number[],
  count: number,
  sampler: Sampler,
): { readonly value: number; readonly limit: number } {
  const draws = 60_000;
  const law = [...successiveLaw(weights, count)];
  const seen = new Map<string, number>();
  for (let i = 0; i < draws; i++) {
    const key = sampler.draw(count, weights.length).join();
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  const common = law.filter(([, p]) => p * draws > 8);
  const observed = common.map(([key]) => seen.get(key) ?? 0);
  const expected = common.map(([, p]) => p * draws);
  const rest = (list: readonly number[]): number => draws - list.reduce((sum, n) => sum + n, 0);
  // What seldom comes is one cell.
  if (rest(expected) > 8) {
    observed.push(rest(observed));
    expected.push(rest(expected));
  }
  return { value: chiSquare(observed, expected), limit: chiSquareLimit(expected.length - 1) };
}

describe("samplers that prefer what is new", () => {
  const n = 7;
  it("follow the law of their half-life by samples, also for the order within a draw", () => {
    const weights = Array.from({ length: n }, (_, p) => 2 ** ((p - n + 1) / 2.5));
    const sampler = halfLifeSampler(new Random(1), { halfLife: 2.5 });
    const { value, limit } = against(weights, 3, sampler);
    expect(value).toBeLessThan(limit);
  });

  it("follow the law of a half-life that is a share of what there is, or the least one", () => {
    for (const [share, halfLife] of [
      [0.4, 0.4 * n],
      [0.01, 1.5],
    ] as const) {
      const weights = Array.from({ length: n }, (_, p) => 2 ** ((p - n + 1) / halfLife));
      const sampler = growingHalfLifeSampler(new Random(8), { share, samplesMin: 1.5 });
      const { value, limit } = against(weights, 3, sampler);
      expect(value).toBeLessThan(limit);
    }
  });

  it("follow the law of their half-life by event time, whatever the order of arrival", () => {
    const times = [500, 0, 2_000, 2_900, 1_200, 3_000, 2_999];
    const sampler = eventTimeSampler(new Random(2), { halfLife: 800 });
    sampler.observe?.(times.map((eventTimeMs) => ({ eventTimeMs, label: 0 })));
    const weights = times.map((time) => 2 ** ((time - 3_000) / 800));
    const { value, limit } = against(weights, 3, sampler);
    expect(value).toBeLessThan(limit);
  });

  it("follow the linear law", () => {
    const weights = Array.from({ length: n }, (_, p) => p + 1);
    const { value, limit } = against(weights, 3, linearRecencySampler(new Random(3)));
    expect(value).toBeLessThan(limit);
  });

  it("draw one of a long history by the closed form of the law", () => {
    const [count, halfLife, limit] = [40_000, 300, 5_000];
    const sampler = halfLifeSampler(new Random(4), { halfLife });
    const ages = Array.from({ length: count }, () => limit - 1 - (sampler.draw(1, limit)[0] ?? 0));
    // Ages in cells of 100; P(age < a) = (1 − q^a) / (1 − q^n) with q = 2^(−1 / halfLife).
    const below = (age: number): number =>
      (1 - 2 ** (-age / halfLife)) / (1 - 2 ** (-limit / halfLife));
    const cells = 25;
    const expected = Array.from(
      { length: cells + 1 },
      (_, i) => count * ((i === cells ? 1 : below(100 * (i + 1))) - below(100 * i)),
    );
    const observed = histogram(
      ages.map((age) => Math.min(cells, Math.floor(age / 100))),
      cells + 1,
    );
    expect(chiSquare(observed, expected)).toBeLessThan(chiSquareLimit(cells));
  });

  it("keep their law when weights pass beyond what a double holds", () => {
    // 4,000 half-lives of history; the last seven samples decide.
    const [limit, last] = [4_000, 7];
    const sampler = halfLifeSampler(new Random(5), { halfLife: 1 });
    const draws = 20_000;
    const counts = new Array<number>(last).fill(0);
    for (let i = 0; i < draws; i++) {
      const age = limit - 1 - (sampler.draw(1, limit)[0] ?? 0);
      const cell = Math.min(age, last - 1);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    const expected = counts.map((_, age) => draws * 2 ** -(age + (age < last - 1 ? 1 : 0)));
    expect(chiSquare(counts, expected)).toBeLessThan(chiSquareLimit(last - 1));
  });

  it("draw the newest when nothing else has weight", () => {
    const sampler = halfLifeSampler(new Random(6), { halfLife: 0.001 });
    expect([...sampler.draw(4, 100)].sort()).toEqual([96, 97, 98, 99]);
    const byTime = eventTimeSampler(new Random(6), { halfLife: 1 });
    const far = [0, 1e12, 2e12, 3e12, 4e12];
    byTime.observe?.(far.map((eventTimeMs) => ({ eventTimeMs, label: 0 })));
    expect([...byTime.draw(2, 5)].sort()).toEqual([3, 4]);
  });

  it("draw from a run that grew as from one that began with all", () => {
    const grown = eventTimeSampler(new Random(7), { halfLife: 400 });
    for (let limit = 0; limit < 3_000; limit += 10) {
      grown.draw(5, limit);
      grown.observe?.(madeFacts(limit, limit + 10));
    }
    const begun = eventTimeSampler(Random.at(grown.position), { halfLife: 400 });
    begun.observe?.(madeFacts(0, 3_000));
    for (let i = 0; i < 200; i++) expect(begun.draw(20, 3_000)).toEqual(grown.draw(20, 3_000));
  });
});

describe("inverse count", () => {
  it("draws by 1 / (1 + times drawn)", () => {
    // Two draws of one: P(same twice) = Σ (1/n) · (1/2) / (n − 1 + 1/2).
    const [n, runs] = [5, 40_000];
    let same = 0;
    for (let run = 0; run < runs; run++) {
      const sampler = inverseCountSampler(new Random(run));
      const [first, second] = [sampler.draw(1, n)[0], sampler.draw(1, n)[0]];
      if (first === second) same++;
    }
    const p = 0.5 / (n - 0.5);
    expect(Math.abs(same - runs * p)).toBeLessThan(4 * Math.sqrt(runs * p * (1 - p)));
  });

  it("follows the law of the counts that it restored, also for the order within a draw", () => {
    const uses = [0, 3, 1, 7, 2];
    const writer = inverseCountSampler(new Random(1));
    writer.draw(0, uses.length);
    const bytes = writer.checkpoint?.() ?? new Uint8Array();
    bytes.set(uses, bytes.length - uses.length);
    const weights = uses.map((count) => 1 / (1 + count));
    const seen = new Map<string, number>();
    const draws = 40_000;
    for (let run = 0; run < draws; run++) {
      const sampler = inverseCountSampler(new Random(run));
      sampler.restore?.(bytes);
      const key = sampler.draw(2, uses.length).join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    const law = [...successiveLaw(weights, 2)];
    const observed = law.map(([key]) => seen.get(key) ?? 0);
    const expected = law.map(([, p]) => p * draws);
    expect(chiSquare(observed, expected)).toBeLessThan(chiSquareLimit(law.length - 1));
  });

  it("evens out how often samples are drawn, new ones included, better than chance does", () => {
    const sampler = inverseCountSampler(new Random(3));
    const counts = new Array<number>(400).fill(0);
    const record = (drawn: readonly number[]): void => {
      for (const at of drawn) counts[at] = (counts[at] ?? 0) + 1;
    };
    for (let i = 0; i < 400; i++) record(sampler.draw(10, 200));
    for (let i = 0; i < 400; i++) record(sampler.draw(10, 400));
    const mean = (part: readonly number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
    const [old, fresh] = [counts.slice(0, 200), counts.slice(200)];
    // Uniform draws would leave the old ones at 30 and the new ones at 10.
    expect(mean(fresh)).toBeGreaterThan(12);
    const variance = mean(old.map((count) => (count - mean(old)) ** 2));
    expect(variance).toBeLessThan(0.8 * mean(old)); // Poisson's would be 1.
  });

  it("takes samples that were there before for drawn as often as it is told", () => {
    let old = 0;
    const runs = 4_000;
    for (let run = 0; run < runs; run++) {
      const sampler = inverseCountSampler(new Random(run), { usesBefore: 49 });
      sampler.draw(0, 50);
      if ((sampler.draw(1, 55)[0] ?? 0) < 50) old++;
    }
    // 50 with weight 1/50 against 5 with weight 1.
    const p = 1 / 6;
    expect(Math.abs(old - runs * p)).toBeLessThan(4 * Math.sqrt(runs * p * (1 - p)));
  });
});
