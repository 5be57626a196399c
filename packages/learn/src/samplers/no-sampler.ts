import type { Random, RandomPosition } from "@everfresh/core";
import type { Sampler } from "./sampler.ts";

/** Draws nothing: training on new samples alone. `random` is only where it was. */
export function noSampler(random: Random): Sampler {
  return {
    draw: () => [],
    get position(): RandomPosition {
      return random.position;
    },
  };
}
