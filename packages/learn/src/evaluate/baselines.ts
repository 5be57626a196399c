import { assert } from "@everfresh/core";

/** What {@link ClassBaselines} remembers, as plain data. */
export interface ClassBaselinesCheckpoint {
  readonly last: number | null;
  readonly counts: readonly number[];
}

/**
 * The two models that every classifier must beat: the last label, and the most frequent one. Both know
 * only labels that have arrived: ask before a prediction's own label is learned, and keep the answers
 * with the prediction where labels are late.
 */
export class ClassBaselines {
  readonly #counts: Float64Array;
  #last: number | null = null;
  #majority: number | null = null;

  /** @param count number of classes */
  constructor(count: number, checkpoint?: ClassBaselinesCheckpoint) {
    this.#counts = new Float64Array(count);
    if (checkpoint === undefined) return;
    assert(checkpoint.counts.length === count, `${checkpoint.counts.length} classes, not ${count}`);
    this.#counts.set(checkpoint.counts);
    this.#last = checkpoint.last;
    const most = Math.max(...checkpoint.counts);
    this.#majority = most > 0 ? checkpoint.counts.indexOf(most) : null;
  }

  /** Their answers now; null before the first label. Of two equally frequent labels the lower one. */
  predict(): { readonly noChange: number | null; readonly majority: number | null } {
    return { noChange: this.#last, majority: this.#majority };
  }

  /** A label has arrived. */
  learn(label: number, weight = 1): void {
    assert(label >= 0 && label < this.#counts.length, `label ${label}`);
    const count = (this.#counts[label] ?? 0) + weight;
    this.#counts[label] = count;
    this.#last = label;
    const most = this.#majority === null ? 0 : (this.#counts[this.#majority] ?? 0);
    if (count > most || (count === most && label < (this.#majority ?? Infinity))) {
      this.#majority = label;
    }
  }

  /** What they have learned. */
  checkpoint(): ClassBaselinesCheckpoint {
    return { last: this.#last, counts: [...this.#counts] };
  }
}

/** What {@link NumberBaselines} remembers, as plain data. */
export interface NumberBaselinesCheckpoint {
  readonly last: number | null;
  readonly mean: number;
  readonly weight: number;
}

/** The two models that every regressor must beat: the last value, and the mean of all. */
export class NumberBaselines {
  #last: number | null;
  #mean: number;
  #weight: number;

  constructor(checkpoint: NumberBaselinesCheckpoint = { last: null, mean: 0, weight: 0 }) {
    this.#last = checkpoint.last;
    this.#mean = checkpoint.mean;
    this.#weight = checkpoint.weight;
  }

  /** Their answers now; null before the first value. */
  predict(): { readonly noChange: number | null; readonly mean: number | null } {
    return { noChange: this.#last, mean: this.#weight > 0 ? this.#mean : null };
  }

  /** A value has arrived: mean ← mean + (value − mean) · weight / all weights (West, 1979). */
  learn(value: number, weight = 1): void {
    this.#last = value;
    this.#weight += weight;
    if (this.#weight > 0) this.#mean += ((value - this.#mean) * weight) / this.#weight;
  }

  /** What they have learned. */
  checkpoint(): NumberBaselinesCheckpoint {
    return { last: this.#last, mean: this.#mean, weight: this.#weight };
  }
}
