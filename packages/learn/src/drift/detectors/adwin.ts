import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { AdwinSpec } from "./detector-spec.ts";

/** Sizes of buckets from 1 to 2³¹: 10¹⁰ values with the usual five of each. */
const LEVELS = 32;

/**
 * A window of buckets whose sizes are powers of two; as long as the means of its parts before and after
 * some boundary differ by more than ε, the oldest bucket is dropped:
 *
 *   ε = √(2 m σ² ln(2 ln(n) / δ)) + 2/3 m ln(2 ln(n) / δ),   m = 1 / n₀' + 1 / n₁'
 *
 * with n' = n − partMin + 1 and the variance σ² of the window; dropping any is drift. Sums are taken in
 * the order of River's, so that both round alike.
 */
export function adwin(spec: AdwinSpec): DetectorRule {
  return new Adwin(spec);
}

class Adwin implements DetectorRule {
  readonly takes = "numbers";
  readonly #delta: number;
  readonly #everySamples: number;
  readonly #bucketsMax: number;
  readonly #partMin: number;
  readonly #warmUp: number;
  /** Buckets of one level lie together, the oldest first; one place more for the one that is too many. */
  readonly #row: number;
  readonly #totals: Float64Array;
  readonly #variances: Float64Array;
  readonly #lengths = new Int32Array(LEVELS);
  #levels = 1;
  #width = 0;
  #total = 0;
  /** Sum of squared deviations from the mean. */
  #squares = 0;
  #ticks = 0;
  /** The largest |difference of means| / ε of the last cuts tried, and the values after it. */
  #ratio = 0;
  #changeAgo = 0;

  constructor(spec: AdwinSpec) {
    this.#delta = spec.delta ?? 0.002;
    this.#everySamples = spec.everySamples ?? 32;
    this.#bucketsMax = spec.bucketsMax ?? 5;
    this.#partMin = spec.partMin ?? 5;
    this.#warmUp = spec.warmUp ?? 10;
    this.#row = this.#bucketsMax + 1;
    this.#totals = new Float64Array(LEVELS * this.#row);
    this.#variances = new Float64Array(LEVELS * this.#row);
  }

  update(value: number): DriftVerdict {
    this.#insert(value);
    this.#ticks++;
    if (this.#ticks % this.#everySamples !== 0 || this.#width <= this.#warmUp) return "stable";
    this.#ratio = 0;
    let isDrift = false;
    while (this.#findCut()) {
      isDrift = true;
      this.#dropOldest();
    }
    return isDrift ? "drift" : "stable";
  }

  reading(): RuleReading {
    if (this.#ticks < this.#everySamples) return NO_READING;
    return { ...NO_READING, value: this.#ratio, driftAt: 1, changeAgo: this.#changeAgo };
  }

  reset(): void {
    this.remember([]);
  }

  numbers(): readonly number[] {
    const size = this.#levels * this.#row;
    return [
      ...[this.#levels, this.#width, this.#total, this.#squares, this.#ticks, this.#ratio],
      this.#changeAgo,
      ...this.#lengths.subarray(0, this.#levels),
      ...this.#totals.subarray(0, size),
      ...this.#variances.subarray(0, size),
    ];
  }

  remember(numbers: readonly number[]): void {
    const [levels = 1, width = 0, total = 0, squares = 0, ticks = 0, ratio = 0, ago = 0] = numbers;
    this.#levels = levels;
    this.#width = width;
    this.#total = total;
    this.#squares = squares;
    this.#ticks = ticks;
    this.#ratio = ratio;
    this.#changeAgo = ago;
    let at = 7;
    const parts: readonly (readonly [Int32Array | Float64Array, number])[] = [
      [this.#lengths, levels],
      [this.#totals, levels * this.#row],
      [this.#variances, levels * this.#row],
    ];
    for (const [part, length] of parts) {
      part.fill(0).set(numbers.slice(at, at + length).slice(0, part.length));
      at += length;
    }
  }

  #insert(value: number): void {
    const length = this.#lengths[0] ?? 0;
    this.#totals[length] = value;
    this.#variances[length] = 0;
    this.#lengths[0] = length + 1;
    this.#width++;
    if (this.#width > 1) {
      const deviation = value - this.#total / (this.#width - 1);
      this.#squares += ((this.#width - 1) * deviation * deviation) / this.#width;
    }
    this.#total += value;
    for (let level = 0; (this.#lengths[level] ?? 0) > this.#bucketsMax; level++) this.#merge(level);
  }

  /** Makes the two oldest buckets of a level the newest one of the next. */
  #merge(level: number): void {
    const [totals, variances, lengths, row] = [
      this.#totals,
      this.#variances,
      this.#lengths,
      this.#row,
    ];
    const at = level * row;
    if (level === LEVELS - 1) {
      this.#dropFirst(level);
      return;
    }
    const size = 2 ** level;
    const [first, second] = [totals[at] ?? 0, totals[at + 1] ?? 0];
    const difference = first / size - second / size;
    const next = lengths[level + 1] ?? 0;
    const to = (level + 1) * row + next;
    totals[to] = first + second;
    variances[to] =
      (variances[at] ?? 0) + (variances[at + 1] ?? 0) + size * 0.5 * difference * difference;
    lengths[level + 1] = next + 1;
    totals.copyWithin(at, at + 2, at + row);
    variances.copyWithin(at, at + 2, at + row);
    lengths[level] = (lengths[level] ?? 0) - 2;
    this.#levels = Math.max(this.#levels, level + 2);
  }

  /** Whether the parts before and after some boundary differ. */
  #findCut(): boolean {
    const [lengths, totals, row, width] = [this.#lengths, this.#totals, this.#row, this.#width];
    const confidence = Math.log((2 * Math.log(width)) / this.#delta);
    const variance = this.#squares / width;
    let [n0, n1, u0, u1] = [0, width, 0, this.#total];
    for (let level = this.#levels - 1; level >= 0; level--) {
      const size = 2 ** level;
      const length = lengths[level] ?? 0;
      for (let i = 0; i < length; i++) {
        n0 += size;
        n1 -= size;
        u0 += totals[level * row + i] ?? 0;
        u1 -= totals[level * row + i] ?? 0;
        if (n1 < this.#partMin || n1 === 0) return false;
        if (n0 < this.#partMin) continue;
        const m = 1 / (n0 - this.#partMin + 1) + 1 / (n1 - this.#partMin + 1);
        const epsilon = Math.sqrt(2 * m * variance * confidence) + (2 / 3) * confidence * m;
        const difference = Math.abs(u0 / n0 - u1 / n1);
        if (difference > this.#ratio * epsilon) {
          this.#ratio = difference / epsilon;
          this.#changeAgo = n1;
        }
        if (difference > epsilon) return true;
      }
    }
    return false;
  }

  #dropOldest(): void {
    this.#dropFirst(this.#levels - 1);
    while (this.#levels > 1 && this.#lengths[this.#levels - 1] === 0) this.#levels--;
  }

  #dropFirst(level: number): void {
    const at = level * this.#row;
    const size = 2 ** level;
    const total = this.#totals[at] ?? 0;
    this.#width -= size;
    this.#total -= total;
    const difference = total / size - this.#total / this.#width;
    const between = (size * this.#width * difference * difference) / (size + this.#width);
    this.#squares -= (this.#variances[at] ?? 0) + between;
    this.#totals.copyWithin(at, at + 1, at + this.#row);
    this.#variances.copyWithin(at, at + 1, at + this.#row);
    this.#lengths[level] = (this.#lengths[level] ?? 0) - 1;
  }
}
