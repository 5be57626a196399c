import type { ModelState } from "@everfresh/core";

/** Makes of a sample the numbers that a layer of a model makes of it. */
export interface Embedding extends AsyncDisposable {
  /** How many numbers that is. */
  readonly length: number;
  /**
   * The numbers of one sample under a state. One at a time, because what a runtime computes for many
   * rows together differs in the last bits from what it computes for one.
   * @param inputs the sample as the model takes it
   */
  of(state: ModelState, inputs: Float32Array): Promise<Float32Array>;
}
