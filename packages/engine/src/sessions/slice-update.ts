import { assert } from "@everfresh/core";
import { clipFactor, scaleGradients, sumOfSquares } from "../optimizers/clip-norm.ts";
import { optimizerOf, type OptimizerSpec } from "../optimizers/optimizer-of.ts";
import type { Optimizer, OptimizerState } from "../optimizers/optimizer.ts";
import { arriveAndWait } from "./barrier.ts";
import { meanOf } from "./gradients.ts";
import { SHARD_SQUARES, sliceOf, type TrainingMemory } from "./training-memory.ts";

/** One worker's share of the optimizer: a slice of the parameters, with all that belongs to it. */
export class SliceUpdate {
  readonly #optimizer: Optimizer;
  readonly #state: OptimizerState;
  /** The slice of θ, in shared memory. */
  readonly #parameters: Float32Array;
  /** The slice of every worker's gradients. */
  readonly #rows: readonly Float32Array[];
  readonly #mean: Float32Array;
  readonly #memory: TrainingMemory;
  readonly #rank: number;

  constructor(spec: OptimizerSpec, memory: TrainingMemory, rank: number, parameterCount: number) {
    const [from, to] = sliceOf(rank, memory.gradients.length, parameterCount);
    this.#optimizer = optimizerOf(spec);
    this.#state = { step: 0, slots: memory.slots.map((slot) => slot.subarray(from, to)) };
    this.#parameters = new Float32Array(memory.state, 4 * from, to - from);
    this.#rows = memory.gradients.map((row) => row.subarray(from, to));
    this.#mean = new Float32Array(to - from);
    this.#memory = memory;
    this.#rank = rank;
  }

  /**
   * One optimizer step from the sums of all workers, whose weights add up to `weight`. All workers
   * call it, or none: where the optimizer clips they wait for each other.
   */
  apply(weight: number, optimizerStep: number): void {
    meanOf(this.#rows, weight, this.#mean);
    const { clipNorm } = this.#optimizer;
    if (clipNorm !== null) scaleGradients(this.#mean, clipFactor(clipNorm, this.#norm()));
    this.#state.step = optimizerStep;
    this.#optimizer.update(this.#state, this.#mean, this.#parameters);
  }

  /** The norm of the whole mean gradient: the squares add up in the order of the workers. */
  #norm(): number {
    const { shards, barrier } = this.#memory;
    const own = shards[this.#rank];
    assert(own !== undefined, "every worker has a row");
    own[SHARD_SQUARES] = sumOfSquares(this.#mean);
    arriveAndWait(barrier, shards.length);
    return Math.sqrt(shards.reduce((total, shard) => total + (shard[SHARD_SQUARES] ?? 0), 0));
  }
}
