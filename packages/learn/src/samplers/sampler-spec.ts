import { LearnOptionError } from "../errors.ts";

/** Every past sample is equally likely. */
export interface UniformSpec {
  readonly kind: "uniform";
}

/** The newest samples only, each equally likely. */
export interface WindowSpec {
  readonly kind: "window";
  /** 1 or more; a window narrower than a draw is as wide as the draw. */
  readonly samples: number;
}

/** The newer, the likelier. */
export interface TimeBasedSpec {
  readonly kind: "timeBased";
  readonly recency: RecencySpec;
}

/** How much likelier a newer sample is. */
export type RecencySpec =
  HalfLifeSamplesSpec | HalfLifeShareSpec | HalfLifeMsSpec | LinearRecencySpec;

/** Half as likely as a new one after so many more samples. */
export interface HalfLifeSamplesSpec {
  readonly kind: "halfLifeSamples";
  /** Above 0. */
  readonly samples: number;
}

/**
 * Half as likely as a new one after a share of all samples that there are: a memory that grows. Where a
 * response to drift leaves only samples since a change, it is a share of those, and begins anew.
 */
export interface HalfLifeShareSpec {
  readonly kind: "halfLifeShare";
  /** Of the samples that may be drawn; above 0. */
  readonly share: number;
  /** The half-life is never below so many samples; above 0. */
  readonly samplesMin: number;
}

/** Half as likely as one that happened so many milliseconds later, by event time. */
export interface HalfLifeMsSpec {
  readonly kind: "halfLifeMs";
  /** Above 0. */
  readonly ms: number;
}

/** As likely as its number in order of arrival. */
export interface LinearRecencySpec {
  readonly kind: "linear";
}

/** The seldomer drawn, the likelier: proportional to 1 / (1 + times drawn). */
export interface InverseCountSpec {
  readonly kind: "inverseCount";
  /**
   * How often samples are taken to have been drawn that are there when training begins.
   * @default 0
   */
  readonly usesBefore?: number;
}

/** As many samples of each class. */
export interface ClassBalancedSpec {
  readonly kind: "classBalanced";
}

/** One after another from the oldest to the newest, round after round. */
export interface RollingSpec {
  readonly kind: "rolling";
}

/** No past samples: training on new ones alone. */
export interface NoSamplerSpec {
  readonly kind: "none";
}

/** Whole batches from the history with the new samples in it. */
export interface NewOnlyByChanceSpec {
  readonly kind: "newOnlyByChance";
  /** How they are drawn; neither `none` nor this kind again. */
  readonly from: SamplerSpec;
}

/** Uniform over a bounded, itself uniform part of the history. */
export interface ReservoirSpec {
  readonly kind: "reservoir";
  /** Samples in it, 1 or more. */
  readonly capacity: number;
}

/** Which past samples are trained on again, as plain data. */
export type SamplerSpec =
  | UniformSpec
  | WindowSpec
  | TimeBasedSpec
  | InverseCountSpec
  | ClassBalancedSpec
  | RollingSpec
  | NoSamplerSpec
  | NewOnlyByChanceSpec
  | ReservoirSpec;

const CHECKS: {
  readonly [K in SamplerSpec["kind"]]: (spec: Extract<SamplerSpec, { kind: K }>) => void;
} = {
  uniform: () => undefined,
  window: ({ samples }) => checkWhole("samples", samples, 1),
  timeBased: ({ recency }) => checkRecency(recency),
  inverseCount: ({ usesBefore = 0 }) => checkWhole("usesBefore", usesBefore, 0),
  classBalanced: () => undefined,
  rolling: () => undefined,
  none: () => undefined,
  newOnlyByChance: ({ from }) => {
    if (from.kind === "none" || from.kind === "newOnlyByChance") {
      const needed = "a sampler that draws past samples";
      throw new LearnOptionError("from of newOnlyByChance", from.kind, needed);
    }
    checkSamplerSpec(from);
  },
  reservoir: ({ capacity }) => checkWhole("capacity", capacity, 1),
};

/**
 * Checks the numbers of a sampler.
 * @throws LearnOptionError for one that is out of its range
 */
export function checkSamplerSpec(spec: SamplerSpec): void {
  const check = CHECKS[spec.kind] as (spec: SamplerSpec) => void;
  check(spec);
}

const RECENCY_CHECKS: {
  readonly [K in RecencySpec["kind"]]: (spec: Extract<RecencySpec, { kind: K }>) => void;
} = {
  halfLifeSamples: ({ samples }) => checkPositive("samples", samples),
  halfLifeShare: ({ share, samplesMin }) => {
    checkPositive("share", share);
    checkPositive("samplesMin", samplesMin);
  },
  halfLifeMs: ({ ms }) => checkPositive("ms", ms),
  linear: () => undefined,
};

function checkRecency(recency: RecencySpec): void {
  const check = RECENCY_CHECKS[recency.kind] as (spec: RecencySpec) => void;
  check(recency);
}

function checkWhole(option: string, value: number, least: number): void {
  // 2³² − 1 because counts and positions of an index have 32 bits.
  if (!Number.isSafeInteger(value) || value < least || value >= 2 ** 32) {
    throw new LearnOptionError(option, value, `a whole number from ${least} to 4,294,967,295`);
  }
}

function checkPositive(option: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new LearnOptionError(option, value, "a finite number above 0");
  }
}

/** Draws every past sample with the same probability. */
export function uniformSampling(): UniformSpec {
  return { kind: "uniform" };
}

/** Draws from the newest `samples` only. */
export function windowSampling(options: { readonly samples: number }): WindowSpec {
  return { kind: "window", ...options };
}

/**
 * Prefers newer samples: with a half-life by number of samples or by event time, or, without one,
 * in proportion to their position.
 */
export function timeBasedSampling(
  options: { readonly halfLifeSamples?: number; readonly halfLifeMs?: number } = {},
): TimeBasedSpec {
  const { halfLifeSamples: samples, halfLifeMs: ms } = options;
  if (samples !== undefined && ms !== undefined) {
    throw new LearnOptionError("halfLifeMs", ms, "absent where halfLifeSamples is given");
  }
  if (samples !== undefined) {
    return { kind: "timeBased", recency: { kind: "halfLifeSamples", samples } };
  }
  if (ms !== undefined) return { kind: "timeBased", recency: { kind: "halfLifeMs", ms } };
  return { kind: "timeBased", recency: { kind: "linear" } };
}

/**
 * Prefers newer samples by a half-life that grows with the history: `share` of the samples that may be
 * drawn, at least `samplesMin`. With a response to drift, a memory as long as the stream has been the
 * same.
 */
export function growingMemorySampling(
  options: { readonly share?: number; readonly samplesMin?: number } = {},
): TimeBasedSpec {
  const { share = 0.25, samplesMin = 500 } = options;
  return { kind: "timeBased", recency: { kind: "halfLifeShare", share, samplesMin } };
}

/** Prefers samples that were seldom drawn. */
export function inverseCountSampling(
  options: { readonly usesBefore?: number } = {},
): InverseCountSpec {
  return { kind: "inverseCount", ...options };
}

/** Draws as many samples of each class. */
export function classBalancedSampling(): ClassBalancedSpec {
  return { kind: "classBalanced" };
}

/** Walks through the history, round after round. */
export function rollingSampling(): RollingSpec {
  return { kind: "rolling" };
}

/** Trains on new samples alone. */
export function noSampling(): NoSamplerSpec {
  return { kind: "none" };
}

/** Draws whole batches, new samples among the old ones. */
export function newOnlyByChanceSampling(
  from: SamplerSpec = { kind: "uniform" },
): NewOnlyByChanceSpec {
  return { kind: "newOnlyByChance", from };
}

/** Draws from a bounded random part of the history. */
export function reservoirSampling(options: { readonly capacity: number }): ReservoirSpec {
  return { kind: "reservoir", ...options };
}
