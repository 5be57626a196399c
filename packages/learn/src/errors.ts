import { EverfreshError } from "@everfresh/core";

/** An option of the training loop, a sampler or a sparsifier that is outside of what it may be. */
export class LearnOptionError extends EverfreshError {
  constructor(option: string, value: unknown, needed: string) {
    super("EF_LEARN_OPTION", `${option} must be ${needed}, got ${String(value)}`, {
      details: { option, value },
    });
  }
}

/** A trained parameter that is NaN or infinite: training has diverged and nothing can be deployed. */
export class NonFiniteParameterError extends EverfreshError {
  constructor(tensor: string, element: number, value: number) {
    super(
      "EF_NON_FINITE_PARAMETER",
      `Parameter "${tensor}" holds ${value} at element ${element}; nothing was published. ` +
        "Go back to the last checkpoint and lower the learning rate",
      { details: { tensor, element, value } },
    );
  }
}

/** Something handed to a resumed run that is not as it was when the checkpoint was made. */
export class ResumeMismatchError extends EverfreshError {
  constructor(what: string, expected: string | number, actual: string | number) {
    super(
      "EF_RESUME_MISMATCH",
      `Cannot resume: ${what} is ${actual}, the checkpoint says ${expected}. ` +
        "Use the state directory that the checkpoint belongs to, or start in an empty one",
      { details: { what, expected, actual } },
    );
  }
}

/** A sampler's part of a checkpoint that is damaged, or that another sampler has made. */
export class SamplerCheckpointError extends EverfreshError {
  constructor(kind: string, reason: string) {
    super(
      "EF_SAMPLER_CHECKPOINT",
      `The checkpoint of the sampler ${kind} cannot be used: ${reason}. ` +
        "Configure the sampler that the run had, or let it start anew without a checkpoint",
      { details: { kind, reason } },
    );
  }
}

/** An evaluation's part of a checkpoint that is damaged, or of another specification. */
export class EvaluationCheckpointError extends EverfreshError {
  constructor(reason: string) {
    super(
      "EF_EVALUATION_CHECKPOINT",
      `The checkpoint of the evaluation cannot be used: ${reason}. ` +
        "Configure the evaluation that the run had, or let it start anew without a checkpoint",
      { details: { reason } },
    );
  }
}

/** A drift signal's part of a checkpoint that is damaged, or of one with other options. */
export class DriftCheckpointError extends EverfreshError {
  constructor(kind: string, reason: string) {
    super(
      "EF_DRIFT_CHECKPOINT",
      `The checkpoint of the drift signal ${kind} cannot be used: ${reason}. ` +
        "Configure the signal that the run had, or let it start anew without a checkpoint",
      { details: { kind, reason } },
    );
  }
}
