import type { MoveKernel } from "@everfresh/core";
import { openKernels } from "@everfresh/core/wasm";
import { kernelOptimizer } from "../kernels/kernel-optimizer.ts";
import { Kernels } from "../kernels/kernels.ts";
import { measuringOptimizer, naturalNumbers } from "../optimizers/natural-gradient.ts";
import type { OptimizerSpec } from "../optimizers/optimizer-of.ts";
import type { Optimizer, OptimizerState, SecondMoment } from "../optimizers/optimizer.ts";
import { SCRATCH_LENGTH, type TrainingMemory } from "./training-memory.ts";

/** One block of a worker's slice of the parameters, with all that belongs to it. */
interface Block {
  readonly from: number;
  readonly to: number;
  /** Index of its first parameter among all of them. */
  readonly start: number;
  readonly rows: readonly Float32Array[];
  readonly state: OptimizerState;
  /** In shared memory that kernels do not reach. */
  readonly parameters: Float32Array;
  readonly mean: Float32Array;
  /** The parameters while kernels work on them. */
  readonly moving: Float32Array;
}

/**
 * The update of a worker's slice by kernels, block by block: what one kernel leaves for the next is
 * still in the processor's nearest cache. Gives the same bits as doing it all at once, without them.
 */
export class BlockUpdate {
  readonly #kernels: Kernels;
  readonly #optimizer: Optimizer;
  readonly #blocks: readonly Block[];
  readonly #rank: number;
  /** By which gradients are measured; null where nobody asks. */
  readonly #measure: SecondMoment | null;
  /** Σ g² / (v̂ + ε²) of the last step, where gradients are measured. */
  #squares = 0;
  /** Of the kernel that watches; null without one. */
  #moved: ((rank: number, from: number, to: number) => void) | null = null;

  private constructor(
    kernels: Kernels,
    optimizer: Optimizer,
    blocks: readonly Block[],
    { rank, measure }: { readonly rank: number; readonly measure: SecondMoment | null },
  ) {
    this.#kernels = kernels;
    this.#optimizer = optimizer;
    this.#blocks = blocks;
    this.#rank = rank;
    this.#measure = measure;
  }

  /**
   * The update of the slice `from` to `to` by worker `rank`; null where there are no kernels.
   * @param measures whether {@link squares} is asked for
   */
  static open(
    spec: OptimizerSpec,
    { kernels: place, state, slots, gradients }: TrainingMemory,
    rank: number,
    [sliceFrom, sliceTo]: readonly [number, number],
    measures = false,
  ): BlockUpdate | null {
    const kernels = place === null ? null : Kernels.open(place.memory);
    const scratch = place?.scratch[rank];
    if (kernels === null || scratch === undefined) return null;
    const blocks: Block[] = [];
    const length = SCRATCH_LENGTH / 2;
    for (let start = sliceFrom; start < sliceTo; start += length) {
      const end = Math.min(start + length, sliceTo);
      blocks.push({
        from: start - sliceFrom,
        to: end - sliceFrom,
        start,
        rows: gradients.map((row) => row.subarray(start, end)),
        state: { step: 0, slots: slots.map((slot) => slot.subarray(start, end)) },
        parameters: new Float32Array(state, 4 * start, end - start),
        mean: scratch.subarray(0, end - start),
        moving: scratch.subarray(length, length + end - start),
      });
    }
    const plain = kernelOptimizer(spec, kernels);
    if (!measures) return new BlockUpdate(kernels, plain, blocks, { rank, measure: null });
    const measuring = measuringOptimizer(plain);
    const measure = measuring.secondMoment;
    return new BlockUpdate(kernels, measuring, blocks, { rank, measure });
  }

  /** Σ g² / (v̂ + ε²) over the slice in the last step (`naturalSquares`); 0 where not asked for. */
  get squares(): number {
    return this.#squares;
  }

  /**
   * Copies `gradients` to `published`, with denormal numbers as 0, as publishGradients() does; whether
   * they are small.
   */
  publish(gradients: Float32Array, published: Float32Array): boolean {
    published.set(gradients);
    return this.#kernels.flush(published);
  }

  /** Calls a kernel for each block that has moved, if it can be opened here. */
  watch({ functions, memories }: MoveKernel): void {
    try {
      const { moved } = openKernels(functions, memories);
      this.#moved = moved ?? null;
    } catch {
      this.#moved = null; // not more than one memory
    }
  }

  /** One step along the mean of the rows, whose weights add up to `weight`. */
  followRows(weight: number, optimizerStep: number): void {
    this.#squares = 0;
    for (const block of this.#blocks) {
      this.#mean(block, 1 / weight);
      this.#move(block, optimizerStep);
    }
  }

  /** Leaves the mean of the rows, whose weights add up to `weight`, in the first of them. */
  averageRows(weight: number): void {
    for (const { rows, mean } of this.#blocks) {
      this.#mean({ rows, mean: rows[0] ?? mean }, 1 / weight);
    }
  }

  /** One step along a mean gradient of the slice. */
  followMean(mean: Float32Array, optimizerStep: number): void {
    this.#squares = 0;
    for (const block of this.#blocks) {
      block.mean.set(mean.subarray(block.from, block.to));
      this.#move(block, optimizerStep);
    }
  }

  /** The same additions and roundings as meanOf(). */
  #mean({ rows, mean }: Pick<Block, "rows" | "mean">, factor: number): void {
    const [first = mean, second, ...others] = rows;
    if (second === undefined) {
      this.#kernels.scale(first, factor, mean);
    } else if (others.length === 0) {
      this.#kernels.addScaled(first, second, factor, mean);
    } else {
      this.#kernels.addScaled(first, second, 1, mean);
      for (const row of others) this.#kernels.addScaled(mean, row, 1, mean);
      this.#kernels.scale(mean, factor, mean);
    }
  }

  #move({ start, state, mean, parameters, moving }: Block, optimizerStep: number): void {
    moving.set(parameters);
    state.step = optimizerStep;
    this.#optimizer.update(state, mean, moving);
    if (this.#measure !== null) {
      const second = state.slots[this.#measure.slot] ?? mean;
      const numbers = naturalNumbers(this.#measure, state.step);
      this.#squares += this.#kernels.naturalSquares(mean, second, numbers);
    }
    parameters.set(moving);
    this.#moved?.(this.#rank, start, start + parameters.length);
  }
}
