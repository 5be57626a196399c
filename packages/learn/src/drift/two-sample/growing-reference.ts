import { longestBlock } from "./block-bootstrap.ts";
import { FeatureWindow } from "./feature-window.ts";
import type { Rows } from "./rows.ts";

/** By how much a reference grows at most, and to how many rows at most. */
const GROWTH = 4;
const GROWN_MAX = 10_000;

/** Mistakes that count: with so many it has four times the rows from the beginning. */
const MISTAKES_MAX = 3;

/**
 * The rows that newer ones are compared with: so many, or, after mistakes, up to four times as many. With
 * the first mistake it begins as before and takes in rows that are not new any more; with each further one
 * it begins with twice as many. As many rows count as at first and so often the double of it.
 */
export class GrowingReference {
  readonly #features: number;
  readonly #samples: number;
  #window: FeatureWindow;
  #mistakes = 0;

  constructor(options: { readonly features: number; readonly referenceSamples: number }) {
    this.#features = options.features;
    this.#samples = options.referenceSamples;
    this.#window = this.#emptyWindow();
  }

  /** Changes that were none, as far as they count. */
  get mistakes(): number {
    return this.#mistakes;
  }

  /** Whether it has as many rows as it begins with. */
  get isReady(): boolean {
    const least = this.#samples * 2 ** Math.max(0, this.#mistakes - 1);
    return this.#window.isFull || this.#window.count >= least;
  }

  /** Rows that count, where it is ready. */
  get count(): number {
    return this.#samples * 2 ** Math.floor(Math.log2(this.#window.count / this.#samples));
  }

  /** The rows that count, the oldest first. */
  rows(): Rows {
    return this.#window.rows(this.count);
  }

  /**
   * How long blocks are, where `known` is what the rows themselves say. After a mistake they are as long
   * as they can be, but that `recentSamples` still take two of them: a single one would have as few
   * different resamples as the reference has blocks.
   */
  block(known: number, recentSamples: number): number {
    if (this.#mistakes === 0) return known;
    return Math.max(known, Math.min(longestBlock(this.count), Math.floor(recentSamples / 2)));
  }

  /** Takes in a row, if it has room. */
  add(row: ArrayLike<number>): void {
    if (!this.#window.isFull) this.#window.add(row);
  }

  /** Sets {@link GrowingReference.mistakes}; its rows stay as far as there is room. */
  learn(mistakes: number): void {
    const numbers = this.#window.numbers();
    this.#mistakes = Math.min(mistakes, MISTAKES_MAX);
    this.#window = this.#emptyWindow();
    this.#window.remember(numbers);
  }

  /** Forgets all rows. */
  reset(): void {
    this.#window.reset();
  }

  /** As of {@link FeatureWindow}, and so without the mistakes. */
  numbers(): readonly number[] {
    return this.#window.numbers();
  }

  /** As of {@link FeatureWindow}. */
  remember(numbers: readonly number[]): readonly number[] {
    return this.#window.remember(numbers);
  }

  #emptyWindow(): FeatureWindow {
    const grown = Math.max(this.#samples, Math.min(GROWTH * this.#samples, GROWN_MAX));
    const capacity = this.#mistakes > 0 ? grown : this.#samples;
    return new FeatureWindow({ capacity, features: this.#features });
  }
}
