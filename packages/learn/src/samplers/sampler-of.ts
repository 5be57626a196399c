import type { Random } from "@everfresh/core";
import { classBalancedSampler } from "./class-balanced.ts";
import { growingHalfLifeSampler } from "./growing-half-life.ts";
import { eventTimeSampler, halfLifeSampler } from "./half-life.ts";
import { inverseCountSampler } from "./inverse-count.ts";
import { linearRecencySampler } from "./linear-recency.ts";
import { newOnlyByChance } from "./new-only-by-chance.ts";
import { noSampler } from "./no-sampler.ts";
import { reservoirSampler } from "./reservoir.ts";
import { rollingSampler } from "./rolling.ts";
import type { Sampler } from "./sampler.ts";
import { checkSamplerSpec, type RecencySpec, type SamplerSpec } from "./sampler-spec.ts";
import { uniformSampler } from "./uniform.ts";
import { windowSampler } from "./window.ts";

const KINDS: {
  readonly [K in SamplerSpec["kind"]]: (
    spec: Extract<SamplerSpec, { kind: K }>,
    random: Random,
  ) => Sampler;
} = {
  uniform: (_, random) => uniformSampler(random),
  window: ({ samples }, random) => windowSampler(random, samples),
  timeBased: ({ recency }, random) => recencySampler(recency, random),
  inverseCount: ({ usesBefore = 0 }, random) => inverseCountSampler(random, { usesBefore }),
  classBalanced: (_, random) => classBalancedSampler(random),
  rolling: (_, random) => rollingSampler(random),
  none: (_, random) => noSampler(random),
  newOnlyByChance: ({ from }, random) => newOnlyByChance(samplerOf(from, random)),
  reservoir: ({ capacity }, random) => reservoirSampler(random, capacity),
};

const RECENCIES: {
  readonly [K in RecencySpec["kind"]]: (
    spec: Extract<RecencySpec, { kind: K }>,
    random: Random,
  ) => Sampler;
} = {
  halfLifeSamples: ({ samples }, random) => halfLifeSampler(random, { halfLife: samples }),
  halfLifeShare: ({ share, samplesMin }, random) =>
    growingHalfLifeSampler(random, { share, samplesMin }),
  halfLifeMs: ({ ms }, random) => eventTimeSampler(random, { halfLife: ms }),
  linear: (_, random) => linearRecencySampler(random),
};

/**
 * The sampler that a specification describes.
 * @throws LearnOptionError for a number that is out of its range
 */
export function samplerOf(spec: SamplerSpec, random: Random): Sampler {
  checkSamplerSpec(spec);
  const make = KINDS[spec.kind] as (spec: SamplerSpec, random: Random) => Sampler;
  return make(spec, random);
}

function recencySampler(spec: RecencySpec, random: Random): Sampler {
  const make = RECENCIES[spec.kind] as (spec: RecencySpec, random: Random) => Sampler;
  return make(spec, random);
}
