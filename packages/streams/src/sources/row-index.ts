import type { RecordPlace } from "./split-records.ts";

/** Samples between two places that are remembered: what a reading may have to skip. */
const SAMPLES_PER_PLACE = 1_024;

/**
 * Where the samples of a file are, in little memory: the place of every 1,024th, and the numbers of the
 * records that are none.
 */
export class RowIndex {
  readonly #places: RecordPlace[] = [];
  readonly #broken: number[] = [];
  #count = 0;

  /** Samples in all. */
  get count(): number {
    return this.#count;
  }

  /** The next sample stands at this place. */
  addSample({ offset, line, number }: RecordPlace): void {
    if (this.#count++ % SAMPLES_PER_PLACE === 0) this.#places.push({ offset, line, number });
  }

  /** The record of this number is none; numbers ascend. */
  addBroken(number: number): void {
    this.#broken.push(number);
  }

  /** The nearest place that is remembered before a sample, and the position of the sample there. */
  before(position: number): { readonly place: RecordPlace; readonly position: number } | null {
    const place = this.#places[Math.floor(position / SAMPLES_PER_PLACE)];
    if (place === undefined || position >= this.#count) return null;
    return { place, position: position - (position % SAMPLES_PER_PLACE) };
  }

  /** Says of records from a number on, each after those before it, which ones are samples. */
  from(number: number): (number: number) => boolean {
    let next = lowerBound(this.#broken, number);
    return (at) => {
      while ((this.#broken[next] ?? Infinity) < at) next++;
      return this.#broken[next] !== at;
    };
  }
}

function lowerBound(ascending: readonly number[], value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
