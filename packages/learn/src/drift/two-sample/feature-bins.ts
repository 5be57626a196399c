/** A feature with more distinct values than this is continuous. */
const BINS = 10;

/** The part of the reference below the first of bins that are equally wide, and above the last. */
const TAIL = 0.01;

/**
 * Bins of a feature, fitted to a reference. A continuous one has ten with equally many reference values
 * each, or, for a density, ten equally wide ones with 98 % of them, between two of what is outside. One
 * with at most ten distinct values has a bin for each, and one for all others. The last bin is of
 * missing values: a feature that goes missing has moved, too.
 */
export class FeatureBins {
  /** Upper bounds, each included in its bin; or the distinct values. */
  readonly #bounds: readonly number[];
  readonly #isDiscrete: boolean;
  /** How many bins there are. */
  readonly count: number;

  /**
   * @param sorted what is not missing of the reference, sorted
   * @param alike what all bins of a continuous feature have the same of
   */
  constructor(sorted: Float64Array, alike: "count" | "width" = "count") {
    const distinct = [...new Set(sorted)];
    this.#isDiscrete = distinct.length <= BINS;
    const quantile = (part: number): number =>
      sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Infinity;
    const [low, high] = [quantile(TAIL), quantile(1 - TAIL)];
    const bounds =
      alike === "count"
        ? Array.from({ length: BINS - 1 }, (_, i) => quantile((i + 1) / BINS))
        : Array.from({ length: BINS + 1 }, (_, i) => low + (i * (high - low)) / BINS);
    this.#bounds = this.#isDiscrete ? distinct : [...new Set(bounds)];
    this.count = this.#bounds.length + 2;
  }

  /** The bin of a value. */
  binOf(value: number): number {
    if (Number.isNaN(value)) return this.count - 1;
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length;
    // The first bound that is not below the value.
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((bounds[middle] ?? Infinity) < value) low = middle + 1;
      else high = middle;
    }
    return this.#isDiscrete && bounds[low] !== value ? bounds.length : low;
  }
}
