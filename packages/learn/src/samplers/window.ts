import type { Random, RandomPosition } from "@everfresh/core";
import type { Sampler } from "./sampler.ts";
import { drawUniform } from "./uniform.ts";

/**
 * Uniform over the newest `samples` positions: each of them is in a draw of k with probability
 * k / samples, older ones never. A window that is narrower than a draw is as wide as the draw, as in
 * the proactive training of Prapas et al. (2021), so `samples` of 1 draws the newest k: the rolling
 * window of Derakhshan et al. (EDBT 2019). O(k).
 * @param samples width of the window, 1 or more
 */
export function windowSampler(random: Random, samples: number): Sampler {
  return {
    draw: (count, limit) => {
      const width = Math.min(limit, Math.max(samples, count));
      return drawUniform(random, count, width).map((offset) => limit - width + offset);
    },
    get position(): RandomPosition {
      return random.position;
    },
  };
}
