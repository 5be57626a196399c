import {
  copyState,
  createState,
  type ModelState,
  type StateLayout,
  stateWithin,
  type Tensor,
} from "@everfresh/core";
import { allocateVectors } from "../kernels/kernel-memory.ts";
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
  /** Where they lie, so that kernels reach them; null where there is no such memory. */
  readonly gradientMemory: WebAssembly.Memory | null;
  /** The same per parameter, in the order of the layout. */
  readonly gradientTensors: readonly Tensor[];
  readonly #theta: ModelState;

  constructor(layout: StateLayout) {
    this.layout = layout;
    this.#theta = createState(layout);
    this.tensors = stateTensors(this.#theta);
    // Gradients lie as the parameters do.
    const placed = allocateVectors([layout.parameterCount], false);
    this.gradients = placed?.vectors[0] ?? new Float32Array(layout.parameterCount);
    this.gradientMemory = placed?.memory ?? null;
    this.gradientTensors = layout.tensors
      .filter(({ role }) => role === "parameter")
      .map(({ shape, wordOffset, length }) => ({
        dtype: "float32",
        shape,
        data: this.gradients.subarray(wordOffset, wordOffset + length),
      }));
  }

  /** Copies a whole state in; what is behind it does not matter. */
  load(state: ArrayBufferLike): void {
    copyState(stateWithin(this.layout, state), this.#theta);
  }
}
