import type { BufferChange, ModelState } from "@everfresh/core";
import type { LossSpec } from "../losses/loss-of.ts";
import type { OptimizerSpec } from "../optimizers/optimizer-of.ts";
import type { BatchMoments } from "./batch-moments.ts";
import type { ExecutionPlan } from "./execution-plan.ts";

/** How to train. */
export interface TrainingOptions {
  readonly optimizer: OptimizerSpec;
  /** @default softmax cross-entropy */
  readonly loss?: LossSpec;
  /** The most samples that a step takes. */
  readonly batchSize: number;
  /** What to fix about the execution; the rest is chosen. `onnxruntime` is reported, never chosen. */
  readonly plan?: Partial<ExecutionPlan>;
  /** Of the masks of Dropout, a whole number from 0 to 2⁵³ − 1. @default 0 */
  readonly seed?: number;
  /**
   * Whether the gradients are compared with their plainest formulation before training starts, which
   * takes about as long as some steps.
   * @default true where operators compute that ONNX Runtime has but does not document, else false
   */
  readonly selfTest?: boolean;
  /**
   * Whether steps measure their gradients: {@link StepResult.naturalGradientNorm}. SGD then keeps one
   * vector more, which its checkpoints hold: one without it does not fit. @default false
   */
  readonly measureGradient?: boolean;
  /** Where to go on; without it training starts from the model's own state. */
  readonly checkpoint?: TrainingCheckpoint;
}

/** A model in training: its state θ, and the worker threads that move it. */
export interface TrainingSession extends AsyncDisposable {
  readonly plan: ExecutionPlan;
  /** θ, in shared memory. Whole whenever no step is pending; only then may it be written to. */
  readonly state: ModelState;
  /** Steps that the optimizer has taken, before this session and in it. */
  readonly optimizerStep: number;
  /**
   * One optimizer step on the mean loss of a batch. Steps run one after another in the order of the
   * calls. Moves the running statistics of BatchNormalization too. Rejects with NonFiniteLossError, which
   * says where it began, when the loss or a gradient is not finite or too large; θ and the optimizer are
   * then as before the step. Rejects with ShapeError or ValueRangeError when the batch
   * does not fit the model, or when none of its samples counts.
   */
  step(batch: TrainingBatch): Promise<StepResult>;
  /**
   * The gradient of the mean loss of a batch under θ, as a step follows it, before any clipping. Of θ
   * only the running statistics of BatchNormalization move. Queued and rejected as a step is.
   * @param step number from 0 on that the masks of Dropout are drawn by, in the place of the optimizer's
   */
  gradient(batch: TrainingBatch, step: number): Promise<BatchGradient>;
  /**
   * The model's outputs [size, outputs] for `inputs` under any state of the same layout: θ or another
   * one. Waits for the steps called before it. A state in shared memory is read when its turn comes
   * and must not change until then; any other is copied by this call.
   */
  predict(state: ModelState, inputs: Float32Array, size: number): Promise<Float32Array>;
  /**
   * What a batch is like at every BatchNormalization that has running statistics, under any state of
   * the same layout, taken as by predict(): each worker's part is normalised by its own statistics, as
   * in a step, and nothing is dropped. Without such a node there are no layers. Rejects with ShapeError
   * or ValueRangeError as a step does.
   */
  moments(state: ModelState, inputs: Float32Array, size: number): Promise<BatchMoments>;
  /**
   * The gradients of the loss of each sample, times its weight, with respect to that sample: [size,
   * ...input], for any number of samples under any state of the same layout, taken as by predict().
   * BatchNormalization uses its running statistics and nothing is dropped.
   */
  inputGradients(state: ModelState, batch: TrainingBatch): Promise<Float32Array>;
  /** An exact copy of θ and of the optimizer's state. Only while no step is pending. */
  checkpoint(): TrainingCheckpoint;
  /**
   * Goes back, or over, to a checkpoint: the steps called after it are those of a session that was
   * opened with it. Queued as a step is. Rejects, and changes nothing, with CorruptCheckpointError or
   * CheckpointMismatchError when it is damaged or foreign.
   */
  restore(checkpoint: TrainingCheckpoint): Promise<void>;
  /**
   * Gives buffers of θ another content, such as the statistics of preprocessing: the steps called after
   * it start from there. Queued as a step is. Rejects with ShapeError, and changes nothing, unless each
   * change is the whole content of a buffer.
   */
  setBuffers(changes: readonly BufferChange[]): Promise<void>;
}

/** Samples to learn from, as the model takes them. */
export interface TrainingBatch {
  /** `size` samples one after another. */
  readonly inputs: Float32Array;
  /**
   * What the loss compares the outputs with, one sample after another: by default the class of each
   * sample as Int32Array; probabilities or other numbers as Float32Array.
   */
  readonly targets: Int32Array | Float32Array;
  /** How much each sample counts, 0 or more. Every sample counts 1 when absent. */
  readonly weights?: Float32Array;
  /** Number of samples, from 1 to the session's batch size. */
  readonly size: number;
}

/** What a step did. */
export interface StepResult {
  /** Mean loss of the batch, weighted where there are weights, under θ as it was before the step. */
  readonly loss: number;
  /** Duration of the step in milliseconds. */
  readonly stepMs: number;
  /**
   * √(gᵀ F⁻¹ g), g being the gradient that the optimizer followed, as it clipped it but without weight
   * decay, and F the diagonal of its second moments: v̂ + ε² of Adam and others, of SGD a mean over some
   * 1,000 steps. About √parameters on a stable stream, whatever the loss; larger where gradients are
   * larger than they used to be. Only where {@link TrainingOptions.measureGradient} asks for it.
   */
  readonly naturalGradientNorm?: number;
}

/** What gradient() computes. */
export interface BatchGradient {
  /** Flat, as the parameters: not a copy. Valid until the next call; who asked may write to it. */
  readonly gradient: Float32Array;
  /** Mean loss of the batch, as of a step. */
  readonly loss: number;
}

/** All that a training session remembers, exact to the last bit. */
export interface TrainingCheckpoint {
  /** The bytes of θ, laid out as its layout says. */
  readonly state: Uint8Array;
  /**
   * The optimizer's state: self-describing, versioned and with a checksum; without a byte, that before
   * the first step.
   */
  readonly optimizer: Uint8Array;
}
