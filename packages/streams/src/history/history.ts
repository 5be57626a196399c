import type { Sample } from "@everfresh/core";
import { blankFeatures, erasedId } from "../erasure/erased-sample.ts";

/** What is known about a sample beside what it looks like. */
export type SampleFacts = Pick<Sample, "eventTimeMs" | "label">;

/**
 * The durable, append-only store of past samples. A sample's position is its number in order of
 * arrival, from 0 to the count − 1, and never changes.
 */
export interface History extends AsyncDisposable {
  /**
   * Stores a batch as the next positions, all of it or nothing, and resolves to the new count once
   * it is stored. Appends happen in the order of their calls.
   * @throws DuplicateSampleError when an id is there already, or twice in the batch
   * @throws HistoryWriteError when the disk or another program does not let it
   */
  append(samples: readonly Sample[]): Promise<number>;
  /** How many samples are stored. */
  count(): number;
  /**
   * The samples at the given positions, in that order; a position may come more than once. They may
   * be shared with other readers: never write to their features.
   * @throws RangeError for a position that is not a whole number below the count
   * @throws HistoryUnreadableError when the stored samples cannot be read
   */
  read(positions: readonly number[]): Promise<readonly Sample[]>;
  /**
   * The samples from position `from` up to but without `to`.
   * @throws RangeError unless 0 ≤ from ≤ to ≤ count
   * @throws HistoryUnreadableError when the stored samples cannot be read
   */
  range(from: number, to: number): Promise<readonly Sample[]>;
  /**
   * Event times and labels from position `from` up to but without `to`, without reading features: to
   * build an index of the history.
   * @throws RangeError unless 0 ≤ from ≤ to ≤ count
   * @throws HistoryUnreadableError when the stored samples cannot be read
   */
  facts(from: number, to: number): Promise<readonly SampleFacts[]>;
  /**
   * Erases what is stored of the sample of an id, for good. Its position stays and is never used again:
   * what is read there is an empty sample, see `isErased`, of zeros and label 0, with the time that the
   * other one had. Returns the position; null when there is no such sample.
   * @throws HistoryWriteError when the disk or another program does not let it
   */
  erase(id: string): Promise<number | null>;
  /** The position of the sample of an id; null when there is none. */
  positionOf(id: string): number | null;
  /** The positions that were erased, ascending: nothing is to be drawn from them. */
  erased(): readonly number[];
}

/**
 * Checks positions that a history is asked for.
 * @throws RangeError when one is not a whole number from 0 to `count` − 1
 */
export function checkPositions(positions: readonly number[], count: number): void {
  for (const position of positions) {
    if (!Number.isSafeInteger(position) || position < 0 || position >= count) {
      throw new RangeError(`History of ${count} samples has no position ${position}`);
    }
  }
}

/**
 * Checks a range of positions.
 * @throws RangeError unless both are whole numbers and 0 ≤ from ≤ to ≤ count
 */
export function checkRange(from: number, to: number, count: number): void {
  const isWhole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  if (!isWhole || from < 0 || to < from || to > count) {
    throw new RangeError(`History of ${count} samples has no range from ${from} to ${to}`);
  }
}

/**
 * A sample with its own copy of the features: what its giver does with its memory no longer
 * matters.
 */
export function ownedSample({ id, eventTimeMs, features, label }: Sample): Sample {
  // Not features.slice(): a Buffer is a Uint8Array too, and its slice() is no copy.
  const copy =
    features instanceof Float32Array ? new Float32Array(features) : new Uint8Array(features);
  return { id, eventTimeMs, features: copy, label };
}

/** What stands at the position of a sample that was erased. */
export function blankSample({ eventTimeMs, features }: Sample, position: number): Sample {
  return { id: erasedId(position), eventTimeMs, features: blankFeatures(features), label: 0 };
}
