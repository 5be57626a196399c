import { type ErrorDetails, EverfreshError } from "@everfresh/core";

// graph

/** A file that is not an ONNX model, or is damaged. */
export class InvalidModelError extends EverfreshError {
  constructor(message: string, cause?: unknown) {
    super("EF_MODEL_INVALID", message, cause === undefined ? {} : { cause });
  }
}

/** A model that needs a version of the ONNX operators that Everfresh does not read. */
export class UnsupportedOpsetError extends EverfreshError {
  constructor(version: number, oldest: number, newest: number) {
    super(
      "EF_MODEL_OPSET",
      `Model uses ONNX opset ${version}; export it with an opset from ${oldest} to ${newest}`,
      { details: { version, oldest, newest } },
    );
  }
}

/** A node whose operator, or one of whose attributes, Everfresh cannot compute. */
export class UnsupportedOperatorError extends EverfreshError {
  constructor(operator: string, node: string, reason: string) {
    super("EF_OPERATOR_UNSUPPORTED", `Operator ${operator} of node "${node}" ${reason}`, {
      details: { operator, node },
    });
  }
}

/** A value of a model whose element type cannot be used where it stands. */
export class ModelDTypeError extends EverfreshError {
  constructor(what: string, actual: string, wanted: string) {
    super("EF_MODEL_DTYPE", `${what} is ${actual}; Everfresh needs ${wanted}`, {
      details: { actual, wanted },
    });
  }
}

/** A node whose output shape cannot be told, or whose inputs do not fit each other. */
export class ShapeInferenceError extends EverfreshError {
  constructor(operator: string, node: string, reason: string) {
    super("EF_MODEL_SHAPE", `Shape of ${operator} node "${node}": ${reason}`, {
      details: { operator, node },
    });
  }
}

/** A model without exactly one float32 input and one float32 output with a batch dimension. */
export class ModelSignatureError extends EverfreshError {
  constructor(message: string) {
    super("EF_MODEL_SIGNATURE", message);
  }
}

/** A model whose weights lie in another file. */
export class ExternalDataError extends EverfreshError {
  constructor(tensor: string, location: string) {
    super(
      "EF_MODEL_EXTERNAL_DATA",
      `Weights of "${tensor}" lie in the file "${location}"; save the model with weights inside`,
      { details: { tensor, location } },
    );
  }
}

/** A file that is not in the safetensors format, or is damaged. */
export class InvalidSafetensorsError extends EverfreshError {
  constructor(reason: string, cause?: unknown) {
    super(
      "EF_SAFETENSORS_INVALID",
      `This is not a safetensors file, or it is damaged: ${reason}`,
      cause === undefined ? {} : { cause },
    );
  }
}

/** A model that cannot be trained as asked: nothing to train, or a loss that does not fit it. */
export class UntrainableModelError extends EverfreshError {
  constructor(message: string) {
    super("EF_MODEL_UNTRAINABLE", message);
  }
}

/** A pattern of names to freeze that no parameter of the model has. */
export class UnmatchedPatternError extends EverfreshError {
  constructor(pattern: string, nearest: readonly string[]) {
    const names = nearest.map((name) => `"${name}"`).join(", ");
    super(
      "EF_MODEL_PATTERN",
      `Pattern "${pattern}" matches no parameter of the model` +
        (nearest.length === 0 ? "; it has none" : `; similar are ${names}`),
      { details: { pattern, nearest } },
    );
  }
}

/** A model whose last layer cannot be replaced. */
export class ModelHeadError extends EverfreshError {
  constructor(reason: string) {
    super("EF_MODEL_HEAD", `The model's last layer cannot be replaced: ${reason}`);
  }
}

/** No embedding can be had from this value of a model. */
export class ModelLayerError extends EverfreshError {
  constructor(layer: string, reason: string) {
    super("EF_MODEL_LAYER", `The value "${layer}" of the model is no embedding: ${reason}`);
  }
}

// sessions

/** ONNX Runtime does not load, or the execution provider that is asked for is not there. */
export class RuntimeUnavailableError extends EverfreshError {
  constructor(message: string, cause?: unknown) {
    super("EF_RUNTIME_UNAVAILABLE", message, { cause });
  }
}

/** ONNX Runtime refused to open a graph or failed while running it. */
export class RuntimeFailedError extends EverfreshError {
  constructor(action: "open" | "run", cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super("EF_RUNTIME_FAILED", `ONNX Runtime could not ${action} the graph: ${reason}`, { cause });
  }
}

/** A training step whose loss or gradients are not finite; nothing was changed. */
export class NonFiniteLossError extends EverfreshError {
  /**
   * @param cause where a number first went wrong, for people, and the same as facts; null if unknown
   */
  constructor(
    step: number,
    loss: number,
    cause: { readonly text: string; readonly details: ErrorDetails } | null = null,
  ) {
    const what = Number.isFinite(loss) ? "gradients that are not finite" : `loss ${loss}`;
    const where = cause === null ? "" : ` (${cause.text})`;
    super(
      "EF_NON_FINITE_LOSS",
      `Step ${step} gave ${what}${where}; parameters and optimizer stay as they were: ` +
        "lower the learning rate or check the inputs",
      { details: { ...cause?.details, step, loss } },
    );
  }
}

/** A formulation of a model's gradients that does not agree with the plain one on this machine. */
export class GradientSelfTestError extends EverfreshError {
  constructor(output: string, deviation: number) {
    super(
      "EF_GRADIENT_SELF_TEST",
      `The gradients of this model fail their self-test here: "${output}" deviates by ` +
        `${Number((100 * deviation).toPrecision(2))} % from the plain formulation; train with ` +
        "another plan, and report this model",
      { details: { output, deviation } },
    );
  }
}

/** Optimizer or state bytes of a checkpoint that are damaged. */
export class CorruptCheckpointError extends EverfreshError {
  constructor(reason: string) {
    super("EF_CHECKPOINT_CORRUPT", `Checkpoint is damaged: ${reason}; use an earlier one`, {
      details: { reason },
    });
  }
}

/** A sound checkpoint of another model or another optimizer. */
export class CheckpointMismatchError extends EverfreshError {
  constructor(what: string, expected: string | number, actual: string | number) {
    super(
      "EF_CHECKPOINT_MISMATCH",
      `Checkpoint has ${what} ${actual} where ${expected} is needed; ` +
        "open it with the model and the optimizer that it was made with",
      { details: { what, expected, actual } },
    );
  }
}

/** A call on a session that was disposed, before or during the call. */
export class SessionClosedError extends EverfreshError {
  constructor() {
    super("EF_SESSION_CLOSED", "The session is closed; open a new one");
  }
}

/** More calls are waiting than a session holds. */
export class SessionBusyError extends EverfreshError {
  constructor(waitingMax: number) {
    super(
      "EF_SESSION_BUSY",
      `${waitingMax} calls are waiting already; await earlier calls before making more`,
      { details: { waitingMax } },
    );
  }
}

/** A worker thread that ended by itself; its session cannot go on. */
export class WorkerCrashedError extends EverfreshError {
  constructor(reason: string, cause?: unknown) {
    super(
      "EF_WORKER_CRASHED",
      `A worker thread ended unexpectedly (${reason}); open a new session, from a checkpoint`,
      { cause, details: { reason } },
    );
  }
}
