import { setImmediate } from "node:timers/promises";
import type { Sample } from "@everfresh/core";
import type { ReadOptions } from "./source.ts";

/**
 * Samples between two turns of the event loop, so that a tight reader cannot starve a cancellation.
 */
const SAMPLES_PER_TURN = 64;

/**
 * Reads a source whose sample `i` can be made from `i` alone.
 * @throws RangeError when `from` is not a whole number of 0 or more
 */
export function readIndexed(
  size: number | null,
  sampleAt: (position: number) => Sample,
  { from = 0, signal }: ReadOptions = {},
): AsyncIterable<Sample> {
  checkFrom(from);
  return indexedSamples(size ?? Infinity, sampleAt, from, signal);
}

/**
 * Checks the position that a reading starts from.
 * @throws RangeError when it is not a whole number of 0 or more
 */
export function checkFrom(from: number): void {
  if (!Number.isSafeInteger(from) || from < 0) {
    throw new RangeError(`Reading starts from a whole number of 0 or more, got ${from}`);
  }
}

async function* indexedSamples(
  size: number,
  sampleAt: (position: number) => Sample,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Sample, void, undefined> {
  for (let position = from; position < size; position++) {
    if ((position - from) % SAMPLES_PER_TURN === SAMPLES_PER_TURN - 1) await setImmediate();
    signal?.throwIfAborted();
    yield sampleAt(position);
  }
}
