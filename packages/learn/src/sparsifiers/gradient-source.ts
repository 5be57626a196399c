import type { ModelState } from "@everfresh/core";
import type { TrainingBatch } from "@everfresh/engine";

/** Computes gradients under a state that someone else moves. */
export interface GradientSource {
  /** θ. Whole whenever no gradient is pending; only then is its memory written to. */
  readonly state: ModelState;
  /**
   * The gradient of the mean loss of a batch under θ. Moves the running statistics of
   * BatchNormalization, and nothing else of θ. Rejects with NonFiniteLossError when the loss or a
   * gradient is not finite; θ is then as before.
   * @param step the number of the step from 0 on, for random numbers of the graph that go by it
   */
  gradient(batch: TrainingBatch, step: number): Promise<BatchGradient>;
  /** As `predict` of a training session. */
  predict(state: ModelState, inputs: Float32Array, size: number): Promise<Float32Array>;
}

/** The gradient of one batch. */
export interface BatchGradient {
  /** Flat, as the parameters; valid until the next call, and may be overwritten by who asked. */
  readonly gradient: Float32Array;
  /** Mean loss of the batch. */
  readonly loss: number;
}
