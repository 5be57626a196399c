import { TailFit } from "./tail-fit.ts";

/** What chance makes of a statistic: its values for resamples, as they come. */
export class Chance {
  readonly #resamples: number;
  #values: number[] = [];
  /** Whether the largest is the first of these. */
  #isSorted = false;
  #tail: TailFit | null = null;

  constructor(resamples: number) {
    this.#resamples = resamples;
  }

  /** Whether all resamples are there. */
  get isKnown(): boolean {
    return this.#values.length === this.#resamples;
  }

  /** The value of one more resample. */
  add(value: number): void {
    this.#values.push(value);
  }

  /** The part of the resamples that reach a value, which counts as one of them. */
  rankOf(value: number): number {
    const asLarge = this.#sorted().findLastIndex((chance) => chance >= value) + 1;
    return (asLarge + 1) / (this.#values.length + 1);
  }

  /** What a value must be above so that p ≤ this, by its rank; Infinity where none is known. */
  limit(p: number): number {
    // The next whole number is another one only by rounding.
    const rank = Math.floor(p * (this.#resamples + 1) + 1e-9);
    return this.#sorted()[Math.min(rank, this.#resamples) - 1] ?? Infinity;
  }

  /** Of all values, also beyond the resamples. */
  tail(): TailFit {
    this.#tail ??= new TailFit(this.#values);
    return this.#tail;
  }

  /** All that is remembered. */
  numbers(): readonly number[] {
    return this.#values;
  }

  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void {
    this.reset();
    this.#values = [...numbers];
  }

  /** Forgets all resamples. */
  reset(): void {
    this.#values = [];
    this.#isSorted = false;
    this.#tail = null;
  }

  #sorted(): readonly number[] {
    if (!this.#isSorted) this.#values.sort((left, right) => right - left);
    this.#isSorted = true;
    return this.#values;
  }
}
