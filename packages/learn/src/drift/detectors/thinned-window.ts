/** Buckets of one size; a candidate is at most an eighth of its age away from where it should be. */
const PER_LEVEL = 8;
/** Sizes from 1 to 2¹⁶: 1,048,568 values at most, in 153 buckets. Older ones are dropped. */
const LEVELS = 17;
const ROW = PER_LEVEL + 1;

/**
 * The newest values as sums of buckets whose sizes are powers of two and grow with age: the exponential
 * histogram of Datar, Gionis, Indyk and Motwani (2002). Every boundary between two buckets is a
 * candidate for a change; there are about 8 · log₂(n / 8) of them.
 */
export class ThinnedWindow {
  /** Per level the sums of its buckets, the oldest first. */
  readonly #sums = new Float64Array(LEVELS * ROW);
  readonly #lengths = new Int32Array(LEVELS);
  #count = 0;
  #total = 0;

  /** Values in the window. */
  get count(): number {
    return this.#count;
  }

  /** Their sum. */
  get total(): number {
    return this.#total;
  }

  /** Takes a finite value in. */
  add(value: number): void {
    const sums = this.#sums;
    const lengths = this.#lengths;
    this.#count++;
    this.#total += value;
    let carried = value;
    for (let level = 0; level < LEVELS; level++) {
      const at = level * ROW;
      const length = lengths[level] ?? 0;
      sums[at + length] = carried;
      if (length < PER_LEVEL) {
        lengths[level] = length + 1;
        return;
      }
      if (level === LEVELS - 1) {
        this.#total -= sums[at] ?? 0;
        this.#count -= 2 ** level;
        sums.copyWithin(at, at + 1, at + ROW);
        return;
      }
      carried = (sums[at] ?? 0) + (sums[at + 1] ?? 0);
      sums.copyWithin(at, at + 2, at + ROW);
      lengths[level] = PER_LEVEL - 1;
    }
  }

  /**
   * Writes the candidates into `into`, the newest first: for each the number of values after it and
   * their sum.
   * @returns how many there are
   */
  candidates(into: Float64Array): number {
    const sums = this.#sums;
    const lengths = this.#lengths;
    let count = 0;
    let sum = 0;
    let written = 0;
    let size = 1;
    for (let level = 0; level < LEVELS; level++, size *= 2) {
      for (let i = (lengths[level] ?? 0) - 1; i >= 0; i--) {
        count += size;
        sum += sums[level * ROW + i] ?? 0;
        into[written++] = count;
        into[written++] = sum;
      }
    }
    return written / 2;
  }

  /** All that is remembered. */
  numbers(): readonly number[] {
    return [this.#count, this.#total, ...this.#lengths, ...this.#sums];
  }

  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void {
    this.#count = numbers[0] ?? 0;
    this.#total = numbers[1] ?? 0;
    this.#lengths.set(numbers.slice(2, 2 + LEVELS));
    this.#sums.set(numbers.slice(2 + LEVELS, 2 + LEVELS + LEVELS * ROW));
  }

  /** Forgets everything. */
  reset(): void {
    this.remember(new Array<number>(ThinnedWindow.SIZE).fill(0));
  }

  /** How many {@link numbers} there are. */
  static readonly SIZE: number = 2 + LEVELS + LEVELS * ROW;
  /** How many numbers {@link candidates} writes at most. */
  static readonly CANDIDATE_NUMBERS: number = 2 * LEVELS * ROW;
}
