/**
 * The running statistics of BatchNormalization in the deployed state. They belong to its weights, not
 * to the trained ones, and they do not compete with parameters for places in an update:
 *
 *   x̂ + entries of update v ──► batches of the history ──► mean, variance ──► rounded, with update v
 *
 * for every v that is a multiple of `every`; between two of them they stay as they are. Which samples
 * the batches have follows from the seed and v, so a step that is taken again comes to the same bits.
 */
import {
  assert,
  type BufferChange,
  bytesPerElement,
  deployCopy,
  isFeatureStatistic,
  type ModelState,
  type Preprocessor,
  preprocessorOf,
  Random,
  type StateChange,
  type StateLayout,
  statisticsIn,
  streamOf,
} from "@everfresh/core";
import { type BatchMoments, pooledMoments } from "@everfresh/engine";
import { assembleBatch } from "./batch.ts";
import { BUFFER_BATCHES_DEFAULT, BUFFERS_EVERY_DEFAULT } from "./buffer-options.ts";
import { NonFiniteParameterError } from "./errors.ts";
import type { Sampler } from "./samplers/sampler.ts";
import { uniformSampler } from "./samplers/uniform.ts";
import type { TrainerOptions } from "./trainer-options.ts";

/** Fewer samples than this say too little about a mean; statistics then wait for the next turn. */
const SAMPLES_MIN = 16;

/**
 * Statistics are whole multiples of a step: at most so many standard deviations of the channel that
 * varies least, so half of it, a 32nd, is what they are off at most. Four batches do not tell more,
 * and steps travel in few bits.
 */
const STEP_DEVIATIONS = 1 / 16;

/** What BatchNormalization adds to a variance by default: far below it, a variance does not matter. */
const VARIANCE_FLOOR = 1e-5;

/** Random numbers that a version has to itself: more than a draw takes. */
const DRAWN_PER_VERSION = 2 ** 24;

/** What an estimate needs of a training loop. */
export type BufferSource = Pick<
  TrainerOptions,
  "history" | "preprocessing" | "deployed" | "buffers"
> & {
  /** What was made of `preprocessing`. @default it is made anew each time */
  readonly preprocessor?: Preprocessor;
  readonly session: Pick<TrainerOptions["session"], "moments">;
  /** Samples per batch. */
  readonly batchSize: number;
  /** Of whose seed the samples are picked where nothing else is said. */
  readonly sampler: Pick<Sampler, "position">;
};

/** Every subset of the history is equally likely; which one it is follows from seed and version. */
export function samplerForBuffers(seed: number, version: number): Sampler {
  const stream = streamOf("running statistics");
  return uniformSampler(new Random(seed, stream, version * DRAWN_PER_VERSION));
}

/**
 * Bytes of the running statistics where the next update is to bring them; otherwise 0, as for models
 * without BatchNormalization.
 * @param samples of the history that may be looked at
 */
export function buffersDue(
  { deployed, buffers = {} }: Pick<BufferSource, "deployed" | "buffers">,
  samples: number,
): number {
  const { every = BUFFERS_EVERY_DEFAULT } = buffers;
  if ((deployed.version + 1) % every !== 0 || samples < SAMPLES_MIN) return 0;
  return deployed.state.layout.tensors
    .filter((tensor) => tensor.role === "buffer" && !isFeatureStatistic(tensor))
    .reduce((sum, { dtype, length }) => sum + bytesPerElement(dtype) * length, 0);
}

/**
 * The running statistics that the deployed state should have once `change` is made to it; none where
 * there are too few samples to draw.
 * @param samples of the history that may be looked at
 * @throws NonFiniteParameterError when one of them is NaN or infinite
 */
export async function estimateBuffers(
  source: BufferSource,
  change: StateChange,
  samples: number,
): Promise<readonly BufferChange[]> {
  const { deployed, sampler, buffers = {}, batchSize } = source;
  const { batches = BUFFER_BATCHES_DEFAULT, samplerAt } = buffers;
  // Shared memory, where pages have it, is not copied again for every batch.
  const shared = typeof SharedArrayBuffer !== "undefined";
  const next = deployCopy(deployed.state, deployed.version, { shared });
  next.apply(next.updateFor(change));
  const { version, state } = next;
  const picked = samplerAt?.(version) ?? samplerForBuffers(sampler.position.seed, version);
  const positions = picked.draw(batches * batchSize, samples);
  if (positions.length < SAMPLES_MIN) return [];
  return changesOf(await momentsOf(source, state, positions), state.layout);
}

/** What samples of the history are like at every BatchNormalization, all batches together. */
async function momentsOf(
  { history, preprocessing, session, batchSize, ...own }: BufferSource,
  state: ModelState,
  positions: readonly number[],
): Promise<BatchMoments> {
  // Batches of one size, but for a history that is shorter than one: each size has a graph of its own.
  const size = Math.min(batchSize, positions.length);
  const parts: BatchMoments[] = [];
  const preprocessor = own.preprocessor ?? preprocessorOf(preprocessing);
  const statistics = statisticsIn(state, preprocessor.statistics);
  for (let from = 0; from + size <= positions.length; from += size) {
    const samples = await history.read(positions.slice(from, from + size));
    const { inputs } = assembleBatch(preprocessor, samples, statistics);
    parts.push(await session.moments(state, inputs, size));
  }
  return pooledMoments(parts);
}

/**
 * As running statistics: means, and unbiased variances as PyTorch has them. Both are rounded to
 * multiples of a power of two of their layer, by the channel with the least variance; with σ² that
 * and VARIANCE_FLOOR together:
 *
 *   a mean to 2^⌊log2(s · σ)⌋,  a variance to 2^⌊log2(2s · σ²)⌋,  s = STEP_DEVIATIONS
 *
 * so that the deviation itself is as exact as the mean. What is rounded to steps, wherever it was
 * before, is off by chance and not all to one side: leaving alone what has moved by less than a
 * threshold lets errors add up from layer to layer.
 */
function changesOf({ size, layers }: BatchMoments, layout: StateLayout): readonly BufferChange[] {
  const statistics = new Map<string, Float64Array>();
  for (const { runningMean, runningVariance, elementsPerSample, mean, variance } of layers) {
    const n = size * elementsPerSample;
    const unbiased = variance.map((value) => (value * n) / (n - 1));
    const least = VARIANCE_FLOOR + unbiased.reduce((a, b) => (b < a ? b : a), Infinity);
    statistics.set(runningMean, rounded(mean, STEP_DEVIATIONS * Math.sqrt(least)));
    statistics.set(runningVariance, rounded(unbiased, 2 * STEP_DEVIATIONS * least));
  }
  return layout.tensors.flatMap(({ name, role, length }, tensor): readonly BufferChange[] => {
    const values = statistics.get(name);
    if (values === undefined) return [];
    assert(role === "buffer" && values.length === length, `"${name}" holds statistics`);
    const data = Float32Array.from(values);
    const wrong = data.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new NonFiniteParameterError(name, wrong, data[wrong] ?? Number.NaN);
    return [{ tensor, data }];
  });
}

/** To the nearest multiples of the largest power of two that is no more than `step`. */
function rounded(values: Float64Array, step: number): Float64Array {
  const unit = 2 ** Math.floor(Math.log2(step));
  // Plus 0, for what is rounded to −0.
  return values.map((value) => Math.round(value / unit) * unit + 0);
}
