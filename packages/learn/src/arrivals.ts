import type { Sample } from "@everfresh/core";
import type { History, Source } from "@everfresh/streams";
import { paced, type Pace } from "./pace.ts";

/** Samples read from the history at once when a run is replayed: bounds the memory that it takes. */
const REPLAY_SLICE = 256;

/** Where {@link arrivals} takes the samples from. */
export interface ArrivalsOptions {
  readonly source: Source;
  readonly history: History;
  /** Number of samples that training has seen already. */
  readonly from: number;
  /** How fast samples of the source arrive; those of the history do at once. */
  readonly pace?: Pace | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The samples that training has not seen yet, in the order of the stream: first those that were stored
 * in the history before a crash, then those that the source has after them.
 */
export async function* arrivals(options: ArrivalsOptions): AsyncGenerator<Sample, void, void> {
  const { source, history, pace, signal } = options;
  const stored = history.count();
  for (let at = options.from; at < stored; at += REPLAY_SLICE) {
    yield* await history.range(at, Math.min(stored, at + REPLAY_SLICE));
  }
  const fresh = source.read(signal === undefined ? { from: stored } : { from: stored, signal });
  yield* pace === undefined ? fresh : paced(fresh, pace, signal);
}

/** Stores what the history does not have yet of `samples`, the first of which has position `from`. */
export async function storeArrivals(
  history: History,
  from: number,
  samples: readonly Sample[],
): Promise<void> {
  const unstored = samples.slice(Math.max(0, history.count() - from));
  if (unstored.length > 0) await history.append(unstored);
}
