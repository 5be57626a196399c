/** Entries of one level: the newest so many at its spacing. */
const PER_LEVEL = 128;
/** Spacings from 1 to 2¹⁸: 33 million entries; beyond that the oldest known one is the answer. */
const LEVELS = 10;
/** How much wider each spacing is. */
const FACTOR = 4;

/**
 * A long list of numbers of which the older ones are known more coarsely: an entry of age n is known to
 * about n / 32. Level l keeps the newest entries whose index is a multiple of 4ˡ.
 */
export class ThinnedLog {
  readonly #values = new Float64Array(LEVELS * PER_LEVEL);
  #count = 0;

  /** Numbers so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes the next number in; it is finite. */
  add(value: number): void {
    let index = this.#count++;
    for (let level = 0; level < LEVELS; level++) {
      this.#values[level * PER_LEVEL + (index % PER_LEVEL)] = value;
      if (index % FACTOR !== 0) return;
      index /= FACTOR;
    }
  }

  /** The number at an index, or one shortly before it; that of the oldest known for older ones. */
  at(index: number): number {
    const newest = this.#count - 1;
    const asked = Math.max(0, Math.min(newest, Math.floor(index)));
    let spacing = 1;
    for (let level = 0; level < LEVELS; level++, spacing *= FACTOR) {
      const last = Math.floor(newest / spacing);
      const oldest = Math.max(0, last - PER_LEVEL + 1);
      const own = Math.floor(asked / spacing);
      const isCoarsest = level === LEVELS - 1;
      if (own < oldest && !isCoarsest) continue;
      return this.#values[level * PER_LEVEL + (Math.max(own, oldest) % PER_LEVEL)] ?? 0;
    }
    return 0;
  }

  /** The last index whose number is at most `value`, for numbers that ascend; 0 without one. */
  indexOf(value: number): number {
    let [low, high] = [0, Math.max(0, this.#count - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.at(middle) <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** All that is remembered: the count, and of each level the entries that it has. */
  numbers(): readonly number[] {
    const kept: number[] = [this.#count];
    for (let level = 0; level < LEVELS; level++) {
      const from = level * PER_LEVEL;
      kept.push(...this.#values.subarray(from, from + this.#lengthOf(level)));
    }
    return kept;
  }

  /** Takes what {@link numbers} gave from the front; returns the rest. */
  remember(numbers: readonly number[]): readonly number[] {
    this.#count = numbers[0] ?? 0;
    let at = 1;
    for (let level = 0; level < LEVELS; level++) {
      const length = this.#lengthOf(level);
      this.#values.set(numbers.slice(at, at + length), level * PER_LEVEL);
      at += length;
    }
    return numbers.slice(at);
  }

  /** Forgets everything. */
  reset(): void {
    this.#count = 0;
  }

  #lengthOf(level: number): number {
    return Math.min(PER_LEVEL, Math.ceil(this.#count / FACTOR ** level));
  }
}
