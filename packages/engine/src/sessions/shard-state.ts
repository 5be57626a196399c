import { createState, type ModelState, type StateLayout, type Tensor } from "@everfresh/core";
import type { NamedTensors } from "../runtime/runtime.ts";
import { stateTensors } from "./predictor.ts";

/**
 * One worker's private memory of the size of the model, which all its graphs share: ONNX Runtime takes
 * no memory that other threads see.
 */
export class ShardState {
  readonly layout: StateLayout;
  /** The tensors of the private copy of θ, as of the last {@link ShardState.load}. */
  readonly tensors: NamedTensors;
  /** Sums of weight × gradient, flat as the parameters. */
  readonly gradients: Float32Array;
  /** The same per parameter, in the order of the layout. */
  readonly gradientTensors: readonly Tensor[];
  readonly #theta: ModelState;

  constructor(layout: StateLayout) {
    this.layout = layout;
    this.#theta = createState(layout);
    this.tensors = stateTensors(this.#theta);
    // Gradients lie as the parameters do.
    this.gradients = new Float32Array(layout.parameterCount);
    this.gradientTensors = layout.tensors
      .filter(({ role }) => role === "parameter")
      .map(({ shape, wordOffset, length }) => ({
        dtype: "float32",
        shape,
        data: this.gradients.subarray(wordOffset, wordOffset + length),
      }));
  }

  /** Copies a whole state in. */
  load(state: ArrayBufferLike): void {
    new Uint8Array(this.#theta.buffer).set(new Uint8Array(state));
  }
}
