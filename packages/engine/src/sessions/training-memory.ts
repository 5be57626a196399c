import type { StateLayout } from "@everfresh/core";
import type { TargetSpec } from "../losses/loss.ts";
import { type Barrier, createBarrier } from "./barrier.ts";
import { targetLength } from "./training-program.ts";

/**
 * The memory that the main thread and all workers of a training session share. Who writes what:
 *
 *   batch, targets, weights   main thread, between steps
 *   gradients, shards         worker r its own row, before the barrier of a step
 *   state, slots              worker r its own slice of the parameters, after the barrier
 *
 * Everything else is only read, so no lock is needed beyond that barrier. Clipping by norm adds a
 * second one: before it worker r writes {@link SHARD_SQUARES}, after it all workers read those.
 */
export interface TrainingMemory {
  /** θ: a whole state. */
  readonly state: SharedArrayBuffer;
  /** The optimizer's vectors, each as long as the parameters. */
  readonly slots: readonly Float32Array<SharedArrayBuffer>[];
  /** Samples of the batch, as the model takes them. */
  readonly batch: Float32Array<SharedArrayBuffer>;
  /** Numbers of classes, or numbers, as the loss takes them. */
  readonly targets: Int32Array<SharedArrayBuffer> | Float32Array<SharedArrayBuffer>;
  /** How much each sample counts. */
  readonly weights: Float32Array<SharedArrayBuffer>;
  /** One row per worker: its sum of gradients, flat as the parameters. */
  readonly gradients: readonly Float32Array<SharedArrayBuffer>[];
  /** One row per worker; see {@link SHARD_LOSS} and the rest. */
  readonly shards: readonly Float64Array<SharedArrayBuffer>[];
  readonly barrier: Barrier;
}

/** Index in a row of `shards`: sum over samples of weight × loss. */
export const SHARD_LOSS = 0;
/** Index in a row of `shards`: how much the samples count together. */
export const SHARD_WEIGHT = 1;
/** Index in a row of `shards`: 1 when the graph ran and loss and gradients are finite, otherwise 0. */
export const SHARD_USABLE = 2;
/** Index in a row of `shards`: sum of the squares of the worker's slice of the mean gradient. */
export const SHARD_SQUARES = 3;

// One cache line per row, so that workers do not slow each other down.
const SHARD_WORDS = 8;

/** Memory of zeros for a session. */
export function createTrainingMemory(
  layout: StateLayout,
  sizes: {
    readonly workers: number;
    readonly batchSize: number;
    readonly sampleLength: number;
    readonly target: TargetSpec;
    readonly optimizerSlots: number;
  },
): TrainingMemory {
  const { workers, batchSize, sampleLength, target, optimizerSlots } = sizes;
  const rows = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
  return {
    state: new SharedArrayBuffer(layout.byteLength),
    slots: rows(optimizerSlots, () => sharedFloats(layout.parameterCount)),
    batch: sharedFloats(batchSize * sampleLength),
    targets:
      target.kind === "classIndex"
        ? new Int32Array(new SharedArrayBuffer(4 * batchSize))
        : sharedFloats(batchSize * targetLength(target)),
    weights: sharedFloats(batchSize),
    gradients: rows(workers, () => sharedFloats(layout.parameterCount)),
    shards: rows(workers, () => new Float64Array(new SharedArrayBuffer(8 * SHARD_WORDS))),
    barrier: createBarrier(),
  };
}

/** A vector of zeros that all threads see. */
function sharedFloats(length: number): Float32Array<SharedArrayBuffer> {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}

/** The part of a batch of `size` samples that worker `rank` computes. */
export function rowsOf(rank: number, shardSize: number, size: number): [from: number, to: number] {
  const from = Math.min(rank * shardSize, size);
  return [from, Math.min(from + shardSize, size)];
}

/** The part of the parameters that worker `rank` updates, on whole cache lines. */
export function sliceOf(rank: number, workers: number, parameterCount: number): [number, number] {
  const width = Math.ceil(parameterCount / workers / 16) * 16;
  const from = Math.min(rank * width, parameterCount);
  return [from, Math.min(from + width, parameterCount)];
}
