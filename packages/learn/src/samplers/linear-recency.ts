import type { Random, RandomPosition } from "@everfresh/core";
import { RecentWeights } from "./recent-weights.ts";
import { INDEXED_POSITIONS_MAX, type Sampler } from "./sampler.ts";

/**
 * Prefers what is new in proportion to its position: weights 1, 2, 3 ... from the oldest sample to the
 * newest, the time-based sampling of Derakhshan et al. (EDBT 2019), here without replacement. The
 * positions of a draw are taken one after another, each with probability weight / weights of those
 * left: so the first one is p with probability 2 · (p + 1) / (n · (n + 1)). O(k · log n).
 * @param positionsMax how many of the newest positions can be drawn
 */
export function linearRecencySampler(
  random: Random,
  positionsMax: number = INDEXED_POSITIONS_MAX,
): Sampler {
  const weights = new RecentWeights(positionsMax);
  return {
    draw: (count, limit) => {
      weights.enter(limit, (position) => position + 1);
      return weights.draw(count, random);
    },
    get position(): RandomPosition {
      return random.position;
    },
  };
}
