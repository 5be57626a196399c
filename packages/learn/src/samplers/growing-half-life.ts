import type { Random, RandomPosition } from "@everfresh/core";
import type { Sampler } from "./sampler.ts";

/** Tries per wanted position, after which the newest that are left are taken: bounds a draw. */
const TRIES_MAX = 64;

/** Options of {@link growingHalfLifeSampler}. */
export interface GrowingHalfLifeOptions {
  /** Of the positions there are; above 0. */
  readonly share: number;
  /** The least half-life, in samples; above 0. */
  readonly samplesMin: number;
}

/**
 * Prefers what is new by age in samples, with a half-life h that is a share of the n positions there are
 * at a draw: h = max(samplesMin, share · n). The positions of a draw are taken one after another, each
 * with probability 2^(−age / h) / (those of the positions left): a position that was taken is drawn
 * again, which comes to the same. It keeps nothing, so h may be another one for every draw. O(k) as long
 * as k is a part of h.
 */
export function growingHalfLifeSampler(
  random: Random,
  { share, samplesMin }: GrowingHalfLifeOptions,
): Sampler {
  return {
    draw: (count, limit) => {
      const wanted = Math.min(count, limit);
      const halfLife = Math.max(samplesMin, share * limit);
      const drawn = new Set<number>();
      // P(age < a) = (1 − 2^(−a / h)) / (1 − 2^(−n / h)), turned around.
      const mass = -Math.expm1((-limit / halfLife) * Math.LN2);
      // A draw of most of what there is would try its last positions for ever.
      const tries = wanted === limit ? 0 : TRIES_MAX * wanted;
      for (let attempt = 0; attempt < tries && drawn.size < wanted; attempt++) {
        const age = Math.floor(-halfLife * Math.log2(1 - random.float() * mass));
        drawn.add(limit - 1 - Math.min(age, limit - 1));
      }
      for (let position = limit - 1; drawn.size < wanted; position--) drawn.add(position);
      return [...drawn];
    },
    get position(): RandomPosition {
      return random.position;
    },
  };
}
