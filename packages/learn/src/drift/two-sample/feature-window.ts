import type { Rows } from "./rows.ts";

/** The newest rows, as many as it holds. */
export class FeatureWindow {
  readonly #features: number;
  readonly #capacity: number;
  /** A ring: the oldest row is at `#at` once it is full. */
  readonly #data: Float64Array;
  #at = 0;
  #count = 0;

  constructor({ capacity, features }: { readonly capacity: number; readonly features: number }) {
    this.#features = features;
    this.#capacity = capacity;
    this.#data = new Float64Array(capacity * features);
  }

  /** Rows in the window. */
  get count(): number {
    return this.#count;
  }

  /** Whether the next row replaces the oldest one. */
  get isFull(): boolean {
    return this.#count === this.#capacity;
  }

  /** Takes a row in; what is not finite is missing. */
  add(row: ArrayLike<number>): void {
    const from = this.#at * this.#features;
    for (let i = 0; i < this.#features; i++) {
      const value = row[i] ?? NaN;
      this.#data[from + i] = Number.isFinite(value) ? value : NaN;
    }
    this.#at = (this.#at + 1) % this.#capacity;
    this.#count = Math.min(this.#count + 1, this.#capacity);
  }

  /** The row that the next one replaces, until then; empty unless it is full. */
  oldest(): Float64Array {
    const from = this.#at * this.#features;
    return this.#data.subarray(from, this.isFull ? from + this.#features : from);
  }

  /** The rows, the oldest first. @param most of them at most */
  rows(most: number = this.#count): Rows {
    const count = Math.min(most, this.#count);
    const data = new Float64Array(count * this.#features);
    const start = this.isFull ? this.#at * this.#features : 0;
    const oldest = this.#data.subarray(start, start + data.length);
    data.set(oldest);
    data.set(this.#data.subarray(0, data.length - oldest.length), oldest.length);
    return { count, features: this.#features, data };
  }

  /** Forgets all rows. */
  reset(): void {
    this.#at = 0;
    this.#count = 0;
  }

  /** The rows as finite numbers: their count, their values with 0 for missing ones, and where those are. */
  numbers(): readonly number[] {
    const { count, data } = this.rows();
    const missing: number[] = [];
    const numbers = [count];
    for (let i = 0; i < data.length; i++) {
      const value = data[i] ?? NaN;
      if (Number.isNaN(value)) missing.push(i);
      numbers.push(Number.isNaN(value) ? 0 : value);
    }
    numbers.push(missing.length);
    return numbers.concat(missing);
  }

  /** Takes the rows that {@link numbers} gave from the front; returns the rest. */
  remember(numbers: readonly number[]): readonly number[] {
    const [count = 0] = numbers;
    const kept = Math.max(0, Math.min(count, this.#capacity));
    const end = 1 + kept * this.#features;
    const missingCount = numbers[end] ?? 0;
    const values = numbers.slice(1, end);
    const rest = numbers.slice(end + 1);
    for (const at of rest.slice(0, missingCount)) values[at] = NaN;
    this.reset();
    for (let i = 0; i < kept; i++) {
      this.add(values.slice(i * this.#features, (i + 1) * this.#features));
    }
    return rest.slice(missingCount);
  }
}
