import { Random } from "@everfresh/core";
import type { SampleFacts } from "@everfresh/streams";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sampler } from "./sampler.ts";

/** Options of {@link samplerConformance}. */
export interface SamplerConformanceOptions {
  /** How many a draw has; as many as asked or as there are, unless the sampler says otherwise. */
  readonly sizeOf?: (count: number, limit: number) => number;
}

/** What is known about a history of `count` samples: three classes, times that are not in order. */
export function madeFacts(from: number, to: number): readonly SampleFacts[] {
  return Array.from({ length: to - from }, (_, i) => {
    const position = from + i;
    return {
      eventTimeMs: 1_700_000_000_000 + 1_000 * position + ((position * 7_919) % 3_001),
      label: position % 7 === 0 ? 2 : position % 2,
    };
  });
}

/** What every sampler keeps; `make` builds one on the given random numbers. */
export function samplerConformance(
  name: string,
  make: (random: Random) => Sampler,
  { sizeOf = Math.min }: SamplerConformanceOptions = {},
): void {
  /** Draws as a run does: each chunk of the history is observed before the draw after it. */
  const drawGrowing = (
    sampler: Sampler,
    { from, to, every, count }: Record<"from" | "to" | "every" | "count", number>,
  ): readonly (readonly number[])[] => {
    const draws: (readonly number[])[] = [];
    for (let limit = from; limit < to; limit += every) {
      draws.push(sampler.draw(count, limit));
      sampler.observe?.(madeFacts(limit, limit + every));
    }
    return draws;
  };

  describe(`${name} as a sampler`, () => {
    it("draws distinct positions below the limit, as many as asked or as there are", () => {
      fc.assert(
        fc.property(fc.nat(300), fc.nat(400), fc.nat(), (count, limit, seed) => {
          const sampler = make(new Random(seed));
          sampler.observe?.(madeFacts(0, limit));
          const drawn = sampler.draw(count, limit);
          expect(drawn).toHaveLength(sizeOf(count, limit));
          expect(new Set(drawn).size).toBe(drawn.length);
          expect(drawn.every((at) => Number.isSafeInteger(at) && at >= 0 && at < limit)).toBe(true);
        }),
      );
    });

    it("does so while the history grows, in steps of any size, seen ahead or not", () => {
      const steps = fc.array(fc.tuple(fc.nat(60), fc.nat(40), fc.nat(20)), { maxLength: 12 });
      fc.assert(
        fc.property(steps, fc.nat(), (growth, seed) => {
          const sampler = make(new Random(seed));
          let [limit, observed] = [0, 0];
          for (const [more, count, ahead] of growth) {
            limit += more;
            sampler.observe?.(madeFacts(observed, Math.max(observed, limit + ahead)));
            observed = Math.max(observed, limit + ahead);
            const drawn = sampler.draw(count, limit);
            expect(drawn).toHaveLength(sizeOf(count, limit));
            expect(new Set(drawn).size).toBe(drawn.length);
            expect(drawn.every((at) => at >= 0 && at < limit)).toBe(true);
          }
        }),
      );
    });

    it("gives the same draws for the same seed", () => {
      const growth = { from: 0, to: 200, every: 8, count: 24 };
      const [a, b] = [make(new Random(7)), make(new Random(7))];
      expect(drawGrowing(a, growth)).toEqual(drawGrowing(b, growth));
    });

    it("goes on from a checkpoint with the draws that would have followed", () => {
      fc.assert(
        fc.property(fc.nat(20), fc.nat(), (chunks, seed) => {
          const uninterrupted = make(new Random(seed, 3));
          const limit = 8 * chunks;
          drawGrowing(uninterrupted, { from: 0, to: limit, every: 8, count: 24 });
          const bytes = uninterrupted.checkpoint?.();
          const resumed = make(Random.at(uninterrupted.position));
          if (bytes !== undefined) resumed.restore?.(bytes);
          resumed.observe?.(madeFacts(0, limit));
          expect(resumed.checkpoint?.()).toEqual(bytes);
          const growth = { from: limit, to: limit + 100, every: 8, count: 24 };
          expect(drawGrowing(resumed, growth)).toEqual(drawGrowing(uninterrupted, growth));
          expect(resumed.position).toEqual(uninterrupted.position);
          expect(resumed.checkpoint?.()).toEqual(uninterrupted.checkpoint?.());
        }),
        { numRuns: 30 },
      );
    });

    it("is not changed by making a checkpoint", () => {
      const [watched, alone] = [make(new Random(5)), make(new Random(5))];
      for (let limit = 0; limit < 120; limit += 8) {
        watched.checkpoint?.();
        expect(watched.draw(16, limit)).toEqual(alone.draw(16, limit));
        for (const sampler of [watched, alone]) sampler.observe?.(madeFacts(limit, limit + 8));
      }
    });

    it("refuses a checkpoint that is cut short or another sampler's", () => {
      const sampler = make(new Random(1));
      drawGrowing(sampler, { from: 0, to: 80, every: 8, count: 24 });
      const bytes = sampler.checkpoint?.();
      if (bytes === undefined) return;
      const refused = expect.objectContaining({ code: "EF_SAMPLER_CHECKPOINT" }) as Error;
      for (let length = 0; length < bytes.length; length++) {
        expect(() => make(new Random(1)).restore?.(bytes.subarray(0, length))).toThrow(refused);
      }
      const other = bytes.slice();
      other[1] = 33;
      expect(() => make(new Random(1)).restore?.(other)).toThrow(refused);
      expect(() => make(new Random(1)).restore?.(Uint8Array.of(...bytes, 0))).toThrow(refused);
    });
  });
}
