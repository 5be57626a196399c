import { optimizerOf, type OptimizerSpec } from "../optimizers/optimizer-of.ts";
import type { Optimizer, OptimizerState } from "../optimizers/optimizer.ts";
import { meanOf } from "./gradients.ts";
import { sliceOf, type TrainingMemory } from "./training-memory.ts";

/** One worker's share of the optimizer: a slice of the parameters, with all that belongs to it. */
export class SliceUpdate {
  readonly #optimizer: Optimizer;
  readonly #state: OptimizerState;
  /** The slice of θ, in shared memory. */
  readonly #parameters: Float32Array;
  /** The slice of every worker's gradients. */
  readonly #rows: readonly Float32Array[];
  readonly #mean: Float32Array;

  constructor(spec: OptimizerSpec, memory: TrainingMemory, rank: number, parameterCount: number) {
    const [from, to] = sliceOf(rank, memory.gradients.length, parameterCount);
    this.#optimizer = optimizerOf(spec);
    this.#state = { step: 0, slots: memory.slots.map((slot) => slot.subarray(from, to)) };
    this.#parameters = new Float32Array(memory.state, 4 * from, to - from);
    this.#rows = memory.gradients.map((row) => row.subarray(from, to));
    this.#mean = new Float32Array(to - from);
  }

  /** One optimizer step from the sums of all workers, whose weights add up to `weight`. */
  apply(weight: number, optimizerStep: number): void {
    meanOf(this.#rows, weight, this.#mean);
    this.#state.step = optimizerStep;
    this.#optimizer.update(this.#state, this.#mean, this.#parameters);
  }
}
