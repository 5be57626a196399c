import type { Sample } from "@everfresh/core";
import type { QuarantinedRow } from "../quarantine/quarantine.ts";
import { closeSource, type ReadOptions, type Source } from "../sources/source.ts";
import { checkFrom } from "../sources/indexed-samples.ts";
import type { RowFault } from "../tables/row-fault.ts";
import type { ReplayedSample, ReplayedSamples } from "./replayed-samples.ts";

/** What {@link withReplays} goes by. */
export interface ReplayPlaces {
  readonly replayed: ReplayedSamples;
  /** Samples of the stream that somebody may have read: a new one comes at this position or later. */
  readonly taken: () => number;
  /** Whether a sample of this id is there already, other than in the source itself. */
  readonly isKnown: (id: string) => boolean;
  /** What event times may not be after, in milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/**
 * A source of rows whose broken ones come into its stream once they are fixed. Where they come was
 * decided, and stored, before anybody reads them there: so the samples of the stream keep their
 * positions, and every reading gives the same.
 *
 *   source    0 1 2 3 4 5 6 …
 *   stream    0 1 2 3 F 4 5 F 6 …
 */
export function withReplays(source: Source, places: ReplayPlaces): Source & AsyncDisposable {
  const { replayed } = places;
  const { check } = source;
  return {
    ...source,
    size: source.size,
    read: (options: ReadOptions = {}) => {
      checkFrom(options.from ?? 0);
      return merged(source, places, options);
    },
    release: async (to) => {
      replayed.release(to);
      await source.release?.(to - replayed.placedBelow(to));
    },
    erase: async (id) => {
      const wasKept = replayed.erase(id);
      return (await source.erase?.(id)) === true || wasKept;
    },
    ...(check === undefined ? {} : { replay: (rows) => replay(rows, check, places) }),
    [Symbol.asyncDispose]: async () => {
      await closeSource(source);
      replayed[Symbol.dispose]();
    },
  };
}

async function* merged(
  source: Source,
  { replayed, taken }: ReplayPlaces,
  { from = 0, signal }: ReadOptions,
): AsyncGenerator<Sample, void, undefined> {
  const start = from - replayed.placedBelow(from);
  const samples = source.read({ from: start, ...(signal === undefined ? {} : { signal }) });
  const own = samples[Symbol.asyncIterator]();
  try {
    for (let position = from; ; position++) {
      signal?.throwIfAborted();
      const placed =
        replayed.at(position) ?? (position < taken() ? null : replayed.place(position));
      if (placed !== null) {
        yield placed;
        continue;
      }
      const next = await own.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await own.return?.();
  }
}

async function replay(
  rows: readonly QuarantinedRow[],
  check: NonNullable<Source["check"]>,
  { replayed, isKnown, nowMs }: ReplayPlaces,
): Promise<readonly (RowFault | null)[]> {
  const samples = new Map<string, ReplayedSample>();
  const faults: (RowFault | null)[] = [];
  for (const { source, number, bytes, atMs } of rows) {
    const { sample, fault } = await check(bytes, {
      ...{ id: `${source}-quarantine-${number}`, eventTimeMs: atMs, nowMs: nowMs() },
      // A crash may have come between this and that the row was resolved.
      isKnown: (id) =>
        samples.has(id) || (replayed.rowOf(id) ?? (isKnown(id) ? null : number)) !== number,
    });
    faults.push(fault);
    if (sample !== null) samples.set(sample.id, { row: number, sample });
  }
  replayed.add([...samples.values()]);
  return faults;
}
