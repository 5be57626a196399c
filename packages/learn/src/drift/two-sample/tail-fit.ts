/** The part of the chances that the tail is fitted to, and how many there are at least. */
const TAIL_PART = 0.1;
const TAIL_MIN = 10;

/**
 * How seldom a statistic is exceeded by chance, also beyond the resamples: by rank up to the highest
 * tenth, and above it by an exponential tail that has its mean excess,
 *
 *   p(x) = m / (n + 1) · exp(−(x − u) / β),   β = mean of the m highest − u,
 *
 * with u the m-th highest of n. Tails of the statistics here fall faster than that, so p is rather too
 * large.
 */
export class TailFit {
  readonly #sorted: Float64Array;
  readonly #tail: number;
  readonly #from: number;
  readonly #excess: number;

  /** @param chance the statistic of resamples, one or more */
  constructor(chance: readonly number[]) {
    this.#sorted = Float64Array.from(chance).sort().reverse();
    const n = chance.length;
    this.#tail = Math.min(n, Math.max(TAIL_MIN, Math.floor(n * TAIL_PART)));
    this.#from = this.#sorted[this.#tail - 1] ?? 0;
    const highest = this.#sorted.subarray(0, this.#tail);
    const mean = highest.reduce((sum, value) => sum + value, 0) / this.#tail;
    this.#excess = mean - this.#from;
  }

  /** How likely chance reaches this value; above 0. */
  pValue(value: number): number {
    const n = this.#sorted.length;
    if (value > this.#from && this.#excess > 0) {
      const excess = (value - this.#from) / this.#excess;
      return Math.max(Number.MIN_VALUE, (this.#tail / (n + 1)) * Math.exp(-excess));
    }
    // The first one that is below the value.
    let low = 0;
    let high = n;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? 0) >= value) low = middle + 1;
      else high = middle;
    }
    return (low + 1) / (n + 1);
  }

  /** The least value that chance reaches with probability `p` at most; Infinity where none is known. */
  valueAt(p: number): number {
    const n = this.#sorted.length;
    const atTail = this.#tail / (n + 1);
    if (p < atTail) {
      return this.#excess > 0 ? this.#from + this.#excess * Math.log(atTail / p) : Infinity;
    }
    const rank = Math.min(n, Math.floor(p * (n + 1) + 1e-9));
    return this.#sorted[rank - 1] ?? Infinity;
  }
}
