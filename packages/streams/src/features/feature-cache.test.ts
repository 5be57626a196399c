import {
  type Features,
  type FeatureStatistics,
  pipeline,
  preprocessorOf,
  Random,
} from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FeatureCache } from "./feature-cache.ts";
import { uniformUtilisation, windowUtilisation } from "./utilisation.ts";

const PREPROCESSOR = preprocessorOf(
  pipeline({
    raw: { kind: "numbers", columns: ["a", "b"] },
    branches: [{ steps: [{ kind: "standardise" }] }],
  }),
);

/** Bytes that a sample of two numbers takes. */
const SAMPLE_BYTES = 2 * 4 + 16;

const rawAt = (position: number): Features => Float32Array.of(position % 7, position / 3);
const read = (positions: readonly number[]): Promise<readonly Features[]> =>
  Promise.resolve(positions.map(rawAt));
const learned = (from: number, to: number): FeatureStatistics =>
  PREPROCESSOR.observe(
    PREPROCESSOR.initial(),
    Array.from({ length: to - from }, (_, i) => rawAt(from + i)),
  );
const fixed = learned(0, 50);

function cacheOf(samples: number, tolerance?: number): FeatureCache {
  return new FeatureCache({
    preprocessor: PREPROCESSOR,
    bytesMax: samples * SAMPLE_BYTES,
    ...(tolerance === undefined ? {} : { tolerance }),
  });
}

/** Utilisation over a stream: each new sample is cached, then a batch is sampled. */
async function measured(
  cached: number,
  samples: number,
  draw: (random: Random, count: number) => number,
): Promise<number> {
  const cache = cacheOf(cached);
  const random = new Random(11);
  for (let count = 1; count <= samples; count++) {
    cache.append(count - 1, [rawAt(count - 1)], fixed);
    await cache.read(
      Array.from({ length: 16 }, () => draw(random, count)),
      fixed,
      read,
    );
  }
  return cache.use.utilisation;
}

describe("utilisation, against the formulas of Derakhshan et al. (2019)", () => {
  it.each([0.2, 0.6, 1])(
    "is within 0.02 of them when sampled uniformly: m = %f N",
    async (share) => {
      const samples = 2000;
      const mu = await measured(share * samples, samples, (random, count) => random.below(count));
      expect(Math.abs(mu - uniformUtilisation(share * samples, samples))).toBeLessThan(0.02);
    },
  );

  it.each([0.2, 0.4, 0.6])("is within 0.02 of them when a window is: m = %f N", async (share) => {
    const [samples, window] = [2000, 1000];
    const mu = await measured(share * samples, samples, (random, count) => {
      const width = Math.min(count, window);
      return count - width + random.below(width);
    });
    expect(Math.abs(mu - windowUtilisation(share * samples, samples, window))).toBeLessThan(0.02);
  });

  it("has the values that the paper prints for its data", () => {
    expect(uniformUtilisation(2400, 12_000)).toBeCloseTo(0.52, 2);
    expect(uniformUtilisation(7200, 12_000)).toBeCloseTo(0.91, 2);
    expect(windowUtilisation(2400, 12_000, 6000)).toBeCloseTo(0.58, 2);
    expect(windowUtilisation(7200, 12_000, 6000)).toBe(1);
    expect(uniformUtilisation(0, 10)).toBe(0);
    expect(windowUtilisation(0, 10, 5)).toBe(0);
  });
});

describe("a feature cache", () => {
  it("gives what the transform gives, whatever is asked in which order and budget", async () => {
    const step = fc.record({ count: fc.nat(5), asked: fc.array(fc.nat(200), { maxLength: 8 }) });
    await fc.assert(
      fc.asyncProperty(fc.nat(12), fc.array(step, { maxLength: 10 }), async (room, steps) => {
        const cache = cacheOf(room, 0);
        let stored = 0;
        for (const { count, asked } of steps) {
          const statistics = learned(0, stored + 2);
          const batch = Array.from({ length: count }, (_, i) => rawAt(stored + i));
          const made = cache.append(stored, batch, statistics);
          expect(made).toEqual(PREPROCESSOR.transform(statistics, batch));
          stored += count;
          const positions = stored === 0 ? [] : asked.map((n) => n % stored);
          expect(await cache.read(positions, statistics, read)).toEqual(
            PREPROCESSOR.transform(statistics, positions.map(rawAt)),
          );
        }
      }),
    );
  });

  it("keeps the newest that have room, and makes the others again", async () => {
    const cache = cacheOf(4);
    expect(cache.capacity).toBe(4);
    for (let i = 0; i < 10; i++) cache.append(i, [rawAt(i)], fixed);
    const asked: (readonly number[])[] = [];
    const watched = (positions: readonly number[]): Promise<readonly Features[]> => {
      asked.push(positions);
      return read(positions);
    };
    await cache.read([9, 0, 6, 5, 0], fixed, watched);
    await cache.read([0, 9], fixed, watched);
    // An old one that was made again does not push a newer one out.
    expect(asked).toEqual([[0, 5, 0], [0]]);
    expect(cache.use).toEqual({ asked: 7, cached: 3, absent: 4, stale: 0, utilisation: 3 / 7 });
  });

  it("fills up again after a start in the middle of a history", async () => {
    const cache = cacheOf(4);
    await cache.read([7, 8, 9], fixed, read);
    await cache.read([7, 8, 9], fixed, () => Promise.reject(new Error("all are cached")));
    expect(cache.use).toMatchObject({ cached: 3, absent: 3 });
  });

  it("makes features again once their statistics are farther than the tolerance", async () => {
    const [before, after] = [learned(0, 100), learned(0, 103)];
    const distance = PREPROCESSOR.distance(before, after);
    expect(distance).toBeGreaterThan(0);
    for (const [tolerance, isStale] of [
      [distance, false],
      [distance * 0.99, true],
    ] as const) {
      const cache = cacheOf(10, tolerance);
      cache.append(0, [rawAt(0), rawAt(1)], before);
      const result = await cache.read([0, 1], after, read);
      const statistics = isStale ? after : before;
      expect(result).toEqual(PREPROCESSOR.transform(statistics, [rawAt(0), rawAt(1)]));
      expect(cache.use.stale).toBe(isStale ? 2 : 0);
      await cache.read([0, 1], after, read);
      expect(cache.use.stale).toBe(isStale ? 2 : 0);
    }
  });

  it("hands out copies, and forgets what is erased", async () => {
    const cache = cacheOf(10);
    cache.append(0, [rawAt(0), rawAt(1)], fixed);
    (await cache.read([0], fixed, read)).fill(99);
    expect(await cache.read([0], fixed, read)).toEqual(PREPROCESSOR.transform(fixed, [rawAt(0)]));
    cache.forget([0, 5]);
    const reading = cache.read([0], fixed, () => Promise.reject(new Error("asked again")));
    await expect(reading).rejects.toThrow("asked again");
    await cache.read([1], fixed, () => Promise.reject(new Error("this one is cached")));
  });
});
