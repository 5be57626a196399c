/** The statistics of a whole batch from those of its parts, and what they do to the state's buffers. */
import { assert, dataOf, type ModelState, type StateLayout } from "@everfresh/core";
import type { Moments } from "../autodiff/training-mode.ts";
import type { TrainingProgram } from "./training-program.ts";
import { SHARD_ROWS, type TrainingMemory } from "./training-memory.ts";

/** Moves the running statistics of every BatchNormalization of a model. */
export class RunningStatistics {
  readonly #memory: TrainingMemory;
  readonly #trackers: readonly Tracker[];

  /** @param state θ, over the shared memory */
  constructor({ step }: TrainingProgram, memory: TrainingMemory, state: ModelState) {
    const { layout } = state;
    const buffer = (name: string): Float32Array => {
      const entry = layout.tensors.find((candidate) => candidate.name === name);
      assert(entry !== undefined, `"${name}" is a tensor of the state`);
      const data = dataOf(state, entry);
      assert(data instanceof Float32Array, `"${name}" is float32`);
      return data;
    };
    let offset = 0;
    this.#trackers = step.outputs.moments.map((moments): Tracker => {
      const runningMean = buffer(moments.runningMean);
      const runningVariance = buffer(moments.runningVariance);
      const at = offset;
      offset += 2 * runningMean.length;
      const elementsPerRow = moments.elements / step.batchSize;
      return { runningMean, runningVariance, at, elementsPerRow, momentum: moments.momentum };
    });
    this.#memory = memory;
  }

  /**
   * One update from the moments that all workers published. Over all n elements of the batch, of
   * which n_w are the worker's with mean μ_w and biased variance σ²_w:
   *
   *   μ = Σ n_w μ_w / n        σ² = Σ n_w (σ²_w + (μ_w − μ)²) / (n − 1)
   *
   *   running = momentum · running + (1 − momentum) · (μ or σ²)
   *
   * in float64; σ² is the unbiased variance, as in PyTorch.
   */
  update(): void {
    const { shards, moments } = this.#memory;
    const parts = shards
      .map((shard, worker) => ({ rows: shard[SHARD_ROWS] ?? 0, row: moments[worker] }))
      .filter(({ rows }) => rows > 0);
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    for (const { runningMean, runningVariance, at, elementsPerRow, momentum } of this.#trackers) {
      const channels = runningMean.length;
      const elements = rows * elementsPerRow;
      const unbiased = elements / (elements - 1);
      for (let c = 0; c < channels; c++) {
        let mean = 0;
        for (const part of parts) mean += (part.row?.[at + c] ?? 0) * (part.rows / rows);
        let variance = 0;
        for (const part of parts) {
          const apart = (part.row?.[at + c] ?? 0) - mean;
          const own = part.row?.[at + channels + c] ?? 0;
          variance += (own + apart * apart) * (part.rows / rows);
        }
        runningMean[c] = momentum * (runningMean[c] ?? 0) + (1 - momentum) * mean;
        runningVariance[c] =
          momentum * (runningVariance[c] ?? 0) + (1 - momentum) * variance * unbiased;
      }
    }
  }
}

interface Tracker {
  readonly runningMean: Float32Array;
  readonly runningVariance: Float32Array;
  /** Where the mean lies in a worker's moments; the variance follows it. */
  readonly at: number;
  readonly elementsPerRow: number;
  readonly momentum: number;
}

/** Numbers of all means and variances of a step together: a mean and a variance per channel each. */
export function momentsLength(moments: readonly Moments[], { tensors }: StateLayout): number {
  const lengths = new Map(tensors.map(({ name, length }) => [name, length]));
  return moments.reduce((sum, { runningMean }) => sum + 2 * (lengths.get(runningMean) ?? 0), 0);
}
