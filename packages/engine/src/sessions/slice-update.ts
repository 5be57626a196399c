import { assert, type MoveKernel } from "@everfresh/core";
import { Publisher } from "../kernels/publisher.ts";
import {
  measuringOptimizer,
  naturalNumbers,
  naturalSquares,
} from "../optimizers/natural-gradient.ts";
import { clipFactor, scaleGradients, sumOfSquares } from "../optimizers/clip-norm.ts";
import { optimizerOf, type OptimizerSpec } from "../optimizers/optimizer-of.ts";
import type { Optimizer, OptimizerState, SecondMoment } from "../optimizers/optimizer.ts";
import { arriveAndWait } from "./barrier.ts";
import { BlockUpdate } from "./block-update.ts";
import {
  type GradientSize,
  isBelow,
  MEAN_GRADIENT_LIMIT,
  meanOf,
  publishGradients,
} from "./gradients.ts";
import {
  SHARD_NATURAL,
  SHARD_SOUND,
  SHARD_SQUARES,
  sliceOf,
  type TrainingMemory,
} from "./training-memory.ts";

/** What a {@link SliceUpdate} may be told. */
export interface SliceUpdateOptions {
  /** Where the worker's own gradients lie, if kernels reach them. */
  readonly source?: WebAssembly.Memory | null;
  /** Whether {@link SHARD_NATURAL} is asked for. */
  readonly measuresGradient?: boolean;
}

/** One worker's share of the optimizer: a slice of the parameters, with all that belongs to it. */
export class SliceUpdate {
  readonly #optimizer: Optimizer;
  /** By which gradients are measured; null where nobody asks. */
  readonly #measure: SecondMoment | null;
  readonly #state: OptimizerState;
  /** The slice of θ, in shared memory. */
  readonly #parameters: Float32Array;
  /** The slice of every worker's gradients. */
  readonly #rows: readonly Float32Array[];
  /** Made when it is first needed. */
  #mean: Float32Array | null = null;
  /** The same by kernels; null where there are none. */
  readonly #blocks: BlockUpdate | null;
  /** Publishes by a kernel; null where that cannot be. */
  readonly #publisher: Publisher | null;
  readonly #memory: TrainingMemory;
  readonly #rank: number;

  constructor(
    spec: OptimizerSpec,
    memory: TrainingMemory,
    rank: number,
    parameterCount: number,
    { source = null, measuresGradient = false }: SliceUpdateOptions = {},
  ) {
    const [from, to] = sliceOf(rank, memory.gradients.length, parameterCount);
    const optimizer = optimizerOf(spec);
    this.#optimizer = measuresGradient ? measuringOptimizer(optimizer) : optimizer;
    this.#measure = measuresGradient ? this.#optimizer.secondMoment : null;
    this.#state = { step: 0, slots: memory.slots.map((slot) => slot.subarray(from, to)) };
    this.#parameters = new Float32Array(memory.state, 4 * from, to - from);
    this.#rows = memory.gradients.map((row) => row.subarray(from, to));
    this.#blocks = BlockUpdate.open(spec, memory, rank, [from, to], measuresGradient);
    const target = memory.kernels?.memory;
    const reachable = source !== null && target !== undefined;
    this.#publisher = reachable ? Publisher.open(source, target) : null;
    this.#memory = memory;
    this.#rank = rank;
  }

  /** Copies this worker's sums of gradients to where all workers see them; says how large they are. */
  publish(gradients: Float32Array): GradientSize {
    const published = this.#memory.gradients[this.#rank];
    assert(published !== undefined, "every worker has a row");
    if (this.#publisher !== null) {
      if (this.#publisher.publish(gradients, published)) return "small";
    } else if (this.#blocks === null) {
      return publishGradients(gradients, published);
    } else if (this.#blocks.publish(gradients, published)) {
      return "small";
    }
    return isBelow(gradients, Infinity) ? "large" : "notFinite";
  }

  /** Calls a kernel for every piece that has moved, where there are blocks and it can be opened. */
  watch(kernel: MoveKernel): void {
    this.#blocks?.watch(kernel);
  }

  /**
   * One optimizer step from the sums of all workers, whose weights add up to `weight`. All workers
   * call it, or none: where the optimizer clips, or where a gradient may overflow, they wait for each
   * other.
   * @param mayOverflow whether the mean, or its square, may be more than a float32
   * @returns whether it moved θ; false, in all workers, when a mean gradient was too large
   */
  apply(weight: number, optimizerStep: number, mayOverflow: boolean): boolean {
    const { clipNorm } = this.#optimizer;
    if (this.#blocks !== null && clipNorm === null && !mayOverflow) {
      this.#blocks.followRows(weight, optimizerStep);
      this.#report(this.#blocks.squares);
      return true;
    }
    this.#mean ??= new Float32Array(this.#parameters.length);
    const mean = this.#mean;
    meanOf(this.#rows, weight, mean);
    if (clipNorm !== null) scaleGradients(mean, clipFactor(clipNorm, this.#norm(mean)));
    if (mayOverflow && !this.#isSound(mean)) return false;
    if (this.#blocks !== null) {
      this.#blocks.followMean(mean, optimizerStep);
      this.#report(this.#blocks.squares);
    } else {
      this.#state.step = optimizerStep;
      this.#optimizer.update(this.#state, mean, this.#parameters);
      if (this.#measure !== null) this.#report(this.#squares(this.#measure, mean));
    }
    return true;
  }

  /** Σ g² / (v̂ + ε²) over the slice, after the optimizer has taken the gradient in. */
  #squares(measure: SecondMoment, mean: Float32Array): number {
    const second = this.#state.slots[measure.slot];
    assert(second !== undefined, "who measures gradients has the vector for it");
    return naturalSquares(mean, second, naturalNumbers(measure, this.#state.step));
  }

  #report(squares: number): void {
    const own = this.#memory.shards[this.#rank];
    assert(own !== undefined, "every worker has a row");
    own[SHARD_NATURAL] = squares;
  }

  /**
   * Leaves the mean gradient of the slice, from the sums of all workers, in the first worker's row.
   * Otherwise as apply(), without moving or clipping anything.
   */
  average(weight: number, mayOverflow: boolean): boolean {
    const [first] = this.#rows;
    assert(first !== undefined, "there is at least one worker");
    if (mayOverflow) {
      // Apart, so that what is found to be too large can still be looked at in every row.
      const mean = new Float32Array(first.length);
      meanOf(this.#rows, weight, mean);
      if (!this.#isSound(mean)) return false;
      first.set(mean);
    } else if (this.#blocks !== null) {
      this.#blocks.averageRows(weight);
    } else {
      meanOf(this.#rows, weight, first);
    }
    return true;
  }

  /** Whether the mean gradients of all workers can be squared. */
  #isSound(mean: Float32Array): boolean {
    const { shards, barrier } = this.#memory;
    const own = shards[this.#rank];
    assert(own !== undefined, "every worker has a row");
    own[SHARD_SOUND] = isBelow(mean, MEAN_GRADIENT_LIMIT) ? 1 : 0;
    arriveAndWait(barrier, shards.length);
    return shards.every((shard) => shard[SHARD_SOUND] === 1);
  }

  /** The norm of the whole mean gradient: the squares add up in the order of the workers. */
  #norm(mean: Float32Array): number {
    const { shards, barrier } = this.#memory;
    const own = shards[this.#rank];
    assert(own !== undefined, "every worker has a row");
    own[SHARD_SQUARES] = sumOfSquares(mean);
    arriveAndWait(barrier, shards.length);
    return Math.sqrt(shards.reduce((total, shard) => total + (shard[SHARD_SQUARES] ?? 0), 0));
  }
}
