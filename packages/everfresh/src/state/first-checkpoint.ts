import type { Fingerprint, RandomPosition } from "@everfresh/core";
import type {
  PrequentialCheckpoint,
  SparsifierPosition,
  TrainerCheckpoint,
} from "@everfresh/learn";

/** The small fields of a checkpoint of format 1. */
export interface FirstFields {
  readonly step: number;
  readonly samples: number;
  readonly version: number;
  readonly fingerprint: Fingerprint;
  readonly sampler: RandomPosition;
  readonly sparsifier?: SparsifierPosition;
  readonly prequential: {
    readonly trained: PrequentialCheckpoint;
    readonly deployed: PrequentialCheckpoint;
  };
}

/**
 * What they are now. All runs were proactive with a uniform sampler then, took every sample at once and
 * tested it right before: so the strategy goes on where it was, and scores and costs begin anew.
 */
export function fromFirstFields(
  fields: FirstFields,
): Omit<TrainerCheckpoint, "deployed" | "training"> {
  const { step, samples, version, fingerprint, sampler, sparsifier } = fields;
  return {
    ...{ step, samples, tested: samples, version, fingerprint },
    ...(sparsifier === undefined ? {} : { sparsifier }),
    strategy: {
      spec: null,
      checkpoint: {
        ...{ kind: "proactive", samples, past: samples, iterations: step, isRunning: false },
        ...{ random: sampler, sampler: null, trigger: null, intake: null },
        budget: { nowMs: null, parts: [] },
      },
    },
    evaluation: null,
    costs: null,
  };
}
