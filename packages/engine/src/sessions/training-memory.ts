import { createState, type StateLayout } from "@everfresh/core";
import { allocateVectors } from "../kernels/kernel-memory.ts";
import type { TargetSpec } from "../losses/loss.ts";
import { type Barrier, createBarrier } from "./barrier.ts";
import { targetLength } from "./training-program.ts";

/**
 * The memory that the main thread and all workers of a training session share. Who writes what:
 *
 *   batch, targets, weights      main thread, between steps
 *   gradients, moments, shards   worker r its own row, before the barrier of a step
 *   state, slots                 worker r its own slice of the parameters, after the barrier;
 *                                worker 0 all buffers
 *   gradients, first row         in the place of the parameters, where only their gradient is asked for
 *
 * Everything else is only read, so no lock is needed beyond that barrier. Clipping by norm, and
 * gradients that may overflow, add others: before them worker r writes {@link SHARD_SQUARES} or
 * {@link SHARD_SOUND}, after them all workers read those.
 */
export interface TrainingMemory {
  /** θ: a whole state, and perhaps more behind it. */
  readonly state: ArrayBufferLike;
  /** Whose buffer that is, where kernels can be opened on it. */
  readonly stateMemory: WebAssembly.Memory | null;
  /** The optimizer's vectors, each as long as the parameters; where nothing is shared, replaced. */
  readonly slots: Float32Array[];
  /** Samples of the batch, as the model takes them. */
  readonly batch: Float32Array;
  /** Numbers of classes, or numbers, as the loss takes them. */
  readonly targets: Int32Array | Float32Array;
  /** How much each sample counts. */
  readonly weights: Float32Array;
  /**
   * One row per worker: its sum of gradients, flat as the parameters; after gradient() the first has
   * the mean. Where nothing is shared, replaced.
   */
  readonly gradients: Float32Array[];
  /** One row per worker: mean and variance of its part at each BatchNormalization, in turn. */
  readonly moments: readonly Float32Array[];
  /** One row per worker; see {@link SHARD_LOSS} and the rest. */
  readonly shards: readonly Float64Array[];
  readonly barrier: Barrier;
  /** Where `slots` and `gradients` lie, so that kernels reach them; null where there are none. */
  readonly kernels: {
    readonly memory: WebAssembly.Memory;
    /** One row per worker: {@link SCRATCH_LENGTH} numbers of its own. */
    readonly scratch: readonly Float32Array[];
  } | null;
}

/** Numbers that a worker has for its kernels: two blocks that stay in the nearest cache. */
export const SCRATCH_LENGTH = 8_192;

/** Index in a row of `shards`: sum over samples of weight × loss. */
export const SHARD_LOSS = 0;
/** Index in a row of `shards`: how much the samples count together. */
export const SHARD_WEIGHT = 1;
/** Index in a row of `shards`: 1 when the graph ran and all that came out is finite, otherwise 0. */
export const SHARD_USABLE = 2;
/** Index in a row of `shards`: sum of the squares of the worker's slice of the mean gradient. */
export const SHARD_SQUARES = 3;
/** Index in a row of `shards`: how many samples the worker's part has. */
export const SHARD_ROWS = 4;
/** Index in a row of `shards`: 1 when a gradient is so large that the mean may overflow, otherwise 0. */
export const SHARD_LARGE = 5;
/** Index in a row of `shards`: 1 when the worker's slice of the mean gradient is small enough. */
export const SHARD_SOUND = 6;
/** Index in a row of `shards`: 1 when the worker moved its slice of θ in this step, otherwise 0. */
export const SHARD_MOVED = 7;
/** Index in a row of `shards`: the worker's part of ‖g‖² (`natural-gradient.ts`), where asked for. */
export const SHARD_NATURAL = 8;

// Two cache lines per row, so that workers do not slow each other down.
const SHARD_WORDS = 16;

/**
 * Memory of zeros for a session.
 * @param allocate makes it; by default in memory that threads share
 */
export function createTrainingMemory(
  layout: StateLayout,
  sizes: {
    readonly workers: number;
    readonly batchSize: number;
    readonly sampleLength: number;
    readonly target: TargetSpec;
    readonly optimizerSlots: number;
    /** Numbers of all means and variances together. */
    readonly momentsLength: number;
  },
  allocate: (bytes: number) => ArrayBufferLike = (bytes) => new SharedArrayBuffer(bytes),
): TrainingMemory {
  const { workers, batchSize, sampleLength, target, optimizerSlots, momentsLength } = sizes;
  const floats = (length: number): Float32Array => new Float32Array(allocate(4 * length));
  const rows = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
  const isShared = !(allocate(0) instanceof ArrayBuffer);
  const inMemory = isShared ? createState(layout, { shared: true, kernels: true }) : null;
  const lengths = rows(optimizerSlots + workers, () => layout.parameterCount);
  const forKernels = [...lengths, ...rows(workers, () => SCRATCH_LENGTH)];
  const placed = isShared ? allocateVectors(forKernels, true) : null;
  const vectors = placed?.vectors ?? lengths.map(floats);
  return {
    state: inMemory?.buffer ?? allocate(layout.byteLength),
    stateMemory: inMemory?.memory ?? null,
    slots: vectors.slice(0, optimizerSlots),
    batch: floats(batchSize * sampleLength),
    targets:
      target.kind === "classIndex"
        ? new Int32Array(allocate(4 * batchSize))
        : floats(batchSize * targetLength(target)),
    weights: floats(batchSize),
    gradients: vectors.slice(optimizerSlots, lengths.length),
    moments: rows(workers, () => floats(momentsLength)),
    shards: rows(workers, () => new Float64Array(allocate(8 * SHARD_WORDS))),
    barrier: createBarrier(allocate),
    kernels:
      placed === null ? null : { memory: placed.memory, scratch: vectors.slice(lengths.length) },
  };
}

/** The part of the parameters that worker `rank` updates, on whole cache lines. */
export function sliceOf(rank: number, workers: number, parameterCount: number): [number, number] {
  const width = Math.ceil(parameterCount / workers / 16) * 16;
  const from = Math.min(rank * width, parameterCount);
  return [from, Math.min(from + width, parameterCount)];
}
