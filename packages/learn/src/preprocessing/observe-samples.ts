/**
 * What preprocessing learns from new samples. Its statistics are buffers of the trained state, so they
 * are saved, deployed and brought back with the weights:
 *
 *   new samples, each once ──► statistics of θ ──► inputs of the batches ──► step ──► weights of θ
 *                                   └────────────── the same update ───────────────────┘
 */
import {
  assert,
  type Clock,
  type FeatureStatistics,
  type Preprocessor,
  stateBytes,
  stateOn,
  statisticsChanges,
  statisticsIn,
  tensorOf,
} from "@everfresh/core";
import { type History, isErased } from "@everfresh/streams";
import type { PositionRange } from "../samplers/excluding.ts";
import type { CachingBatchReader } from "../strategies/batch-reader.ts";
import { type Iteration, samplesAfter } from "../strategies/iteration.ts";
import type { TrainerSession } from "../trainer-options.ts";
import { isSame } from "./statistics-bytes.ts";

/** Samples that are observed together: more would only take memory. */
const OBSERVED_AT_ONCE = 256;

/** What observing works with. */
export interface ObserveOptions {
  readonly preprocessor: Preprocessor;
  readonly session: Pick<TrainerSession, "state" | "setBuffers">;
  readonly history: Pick<History, "range">;
  /** Positions that nothing is learned from. @default none */
  readonly excluded?: readonly PositionRange[];
}

/**
 * Takes the samples from position `from` up to but without `to` into the statistics of the trained
 * state; where preprocessing learns nothing it does nothing. From the same state and samples it comes
 * to the same bits.
 */
export async function observeSamples(
  options: ObserveOptions,
  from: number,
  to: number,
): Promise<void> {
  const { preprocessor, session, history, excluded = [] } = options;
  const specs = preprocessor.statistics;
  if (specs.length === 0 || to <= from) return;
  let statistics = statisticsIn(session.state, specs);
  for (let at = from; at < to; at += OBSERVED_AT_ONCE) {
    const samples = await history.range(at, Math.min(to, at + OBSERVED_AT_ONCE));
    const observed = samples.filter((sample, i) => !isErased(sample) && !isIn(excluded, at + i));
    statistics = preprocessor.observe(
      statistics,
      observed.map(({ features }) => features),
    );
  }
  await setStatistics(session, preprocessor, statistics);
}

/**
 * Takes in the samples that there are already, where the trained state has statistics of none: a run
 * that starts with a past knows what its samples are like.
 */
export async function observePast(options: ObserveOptions, samples: number): Promise<void> {
  const { preprocessor, session } = options;
  if (preprocessor.statistics.length === 0) return;
  const now = statisticsIn(session.state, preprocessor.statistics);
  if (isSame(now, preprocessor.initial())) await observeSamples(options, 0, samples);
}

/**
 * Takes the new samples of an iteration in, and lets batches be made with what is known then. Those that
 * go straight to history count too: they may be drawn.
 * @returns how long it took, in milliseconds
 */
export async function observeFresh(iteration: Iteration, run: ObservingRun): Promise<number> {
  const { options, preprocessor, batches } = run;
  if (preprocessor.statistics.length === 0) return 0;
  const startMs = options.clock.monotonicMs();
  await observeSamples({ ...options, preprocessor }, iteration.past, samplesAfter(iteration));
  batches.follow(statisticsIn(options.session.state, preprocessor.statistics));
  return options.clock.monotonicMs() - startMs;
}

/** What {@link observeFresh} needs of a run. */
export interface ObservingRun {
  readonly options: Omit<ObserveOptions, "preprocessor"> & {
    readonly clock: Pick<Clock, "monotonicMs">;
  };
  readonly preprocessor: Preprocessor;
  readonly batches: Pick<CachingBatchReader, "follow">;
}

/**
 * The bytes of the state that a cold retraining starts from: initial weights, and what is known of
 * samples by now, since they stay what they are.
 */
export function initialNow(
  initial: Uint8Array,
  { state }: ObserveOptions["session"],
  { statistics }: Preprocessor,
): Uint8Array {
  if (statistics.length === 0) return initial;
  const cold = stateOn(state.layout, new Uint8Array(initial).buffer);
  for (const { name } of statistics) {
    (tensorOf(cold, name).data as Float32Array).set(tensorOf(state, name).data as Float32Array);
  }
  return stateBytes(cold);
}

/** Gives the trained state these statistics. */
async function setStatistics(
  session: ObserveOptions["session"],
  { statistics: specs }: Preprocessor,
  statistics: FeatureStatistics,
): Promise<void> {
  assert(session.setBuffers !== undefined, "a session that preprocessing learns in takes buffers");
  await session.setBuffers(statisticsChanges(session.state.layout, specs, statistics));
}

function isIn(ranges: readonly PositionRange[], position: number): boolean {
  return ranges.some(({ from, to }) => position >= from && position < to);
}
