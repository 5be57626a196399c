const KEPT_MAX = 10_000; // enough for a stable 99th percentile; older values are overwritten

/** Mean, maximum and total of all values of a series, and percentiles of its latest 10,000. */
export class MeasuredValues {
  readonly #kept: number[] = [];
  #count = 0;
  #total = 0;
  #max = 0;

  add(value: number): void {
    this.#kept[this.#count % KEPT_MAX] = value;
    this.#count++;
    this.#total += value;
    this.#max = Math.max(this.#max, value);
  }

  /** How many values were added. */
  get count(): number {
    return this.#count;
  }

  /** Sum of all values. */
  get total(): number {
    return this.#total;
  }

  /** Largest value, 0 when there is none. */
  get max(): number {
    return this.#max;
  }

  /** Arithmetic mean, 0 when there is no value. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#total / this.#count;
  }

  /** The value that a share `p` (0 to 1) of the latest values does not exceed (nearest rank). */
  percentile(p: number): number {
    const sorted = Float64Array.from(this.#kept).sort();
    const rank = Math.max(1, Math.ceil(p * sorted.length));
    return sorted[rank - 1] ?? 0;
  }
}
