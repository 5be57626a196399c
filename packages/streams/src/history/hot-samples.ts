import { assert, type Sample } from "@everfresh/core";

/**
 * What one sample takes in memory beside its features: the object, its id, a typed array's header.
 */
const OVERHEAD_BYTES = 300;

/** Bytes of memory that a sample takes, about. */
export function hotBytesOf(sample: Sample): number {
  return sample.features.byteLength + OVERHEAD_BYTES;
}

/**
 * The newest samples of a history, in memory within a budget: a window of consecutive positions
 * that grows at its end and loses the oldest first.
 */
export class HotSamples {
  readonly #bytesMax: number;
  /** Samples of the window, after `#evicted` places that are free already. */
  #slots: (Sample | undefined)[] = [];
  #evicted = 0;
  #start: number;
  #bytes = 0;

  /** An empty window whose first sample will have position `start`; `bytesMax` of 0 keeps none. */
  constructor(bytesMax: number, start: number) {
    this.#bytesMax = bytesMax;
    this.#start = start;
  }

  /** Position of the oldest sample that is here; the end of the window when it is empty. */
  get start(): number {
    return this.#start;
  }

  /** The sample at a position of the window. */
  at(position: number): Sample {
    const sample = this.#slots[position - this.#start + this.#evicted];
    assert(sample !== undefined, `position ${position} is not hot`);
    return sample;
  }

  /** Adds the sample at the next position; old ones leave when the budget is exceeded. */
  push(sample: Sample): void {
    this.#slots.push(sample);
    this.#bytes += hotBytesOf(sample);
    while (this.#bytes > this.#bytesMax) this.#evictOldest();
    // Moving the rest down when half of the places are free costs O(1) per sample in the long run.
    if (this.#evicted > 1024 && this.#evicted * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#evicted);
      this.#evicted = 0;
    }
  }

  /** Puts another sample of the same size in place of one, if that is here. */
  replace(position: number, sample: Sample): void {
    const place = position - this.#start + this.#evicted;
    if (position >= this.#start && this.#slots[place] !== undefined) this.#slots[place] = sample;
  }

  #evictOldest(): void {
    const oldest = this.at(this.#start);
    this.#bytes -= hotBytesOf(oldest);
    this.#slots[this.#evicted] = undefined;
    this.#evicted++;
    this.#start++;
  }
}
