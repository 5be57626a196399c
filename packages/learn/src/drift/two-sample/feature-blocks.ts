/** Rows of at most so many features are looked at one by one. */
const SINGLE_MAX = 64;
/** Longer ones as the means of so many blocks of neighbours. */
const BLOCKS = 32;

/**
 * What a signal of features looks at: each of a few, or the means of blocks of neighbours of many, as
 * the rows of an image, so that its cost does not grow with them.
 */
export class FeatureBlocks {
  readonly #features: number;
  /** Numbers in a row of what is looked at. */
  readonly count: number;
  /** What each of them is called. */
  readonly names: readonly string[];
  /** What {@link of} gives, where it is not the row itself. */
  readonly #means: Float64Array;

  /**
   * @param names of the features, where they have any
   * @param each what one is called otherwise: "feature 0" and so on
   */
  constructor(features: number, names: readonly string[] = [], each = "feature") {
    this.#features = features;
    this.count = features <= SINGLE_MAX ? features : BLOCKS;
    this.#means = new Float64Array(this.count);
    this.names = Array.from({ length: this.count }, (_, i) => {
      if (this.count === features) return names[i] ?? `${each} ${i}`;
      const [from, to] = [this.#start(i), this.#start(i + 1) - 1];
      return `${names[from] ?? `${each} ${from}`} to ${names[to] ?? to}`;
    });
  }

  /**
   * The numbers to look at, until it is asked again; a block's mean is over what is not missing. Null
   * for other lengths.
   */
  of(row: ArrayLike<number>): ArrayLike<number> | null {
    if (row.length !== this.#features) return null;
    if (this.count === this.#features) return row;
    const means = this.#means;
    for (let block = 0; block < this.count; block++) {
      let sum = 0;
      let count = 0;
      const end = this.#start(block + 1);
      for (let i = this.#start(block); i < end; i++) {
        const value = row[i] ?? NaN;
        if (!Number.isFinite(value)) continue;
        sum += value;
        count++;
      }
      means[block] = count === 0 ? NaN : sum / count;
    }
    return means;
  }

  #start(block: number): number {
    return Math.floor((block * this.#features) / this.count);
  }
}
