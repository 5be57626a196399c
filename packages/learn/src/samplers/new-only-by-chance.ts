import type { Sampler } from "./sampler.ts";

/**
 * Lets `sampler` draw whole batches from the history with the new samples in it: a new sample is
 * trained on only if it is drawn (`always_include_new = false` of Prapas et al., 2021). Under a uniform
 * sampler a new one is in the batch of b with probability b / n, as any other of the n.
 */
export function newOnlyByChance(sampler: Sampler): Sampler {
  const observe = sampler.observe?.bind(sampler);
  const checkpoint = sampler.checkpoint?.bind(sampler);
  const restore = sampler.restore?.bind(sampler);
  return {
    reach: "all",
    draw: (count, limit) => sampler.draw(count, limit),
    get position() {
      return sampler.position;
    },
    ...(observe === undefined ? {} : { observe }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(restore === undefined ? {} : { restore }),
  };
}
