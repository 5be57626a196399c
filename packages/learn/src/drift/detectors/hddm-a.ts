import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { HddmASpec } from "./detector-spec.ts";

/** A mean and of how many values. */
interface Mean {
  readonly count: number;
  readonly mean: number;
}

const NONE: Mean = { count: 0, mean: 0 };

/**
 * Drift where the mean z̄ of all n values is above that of the first m, those with the least
 * x̄ + √(ln(1 / α) / 2m), by Hoeffding's bound:
 *
 *   z̄ − x̄ ≥ √((n − m) / (2 m n) · ln(2 / α))
 */
export function hddmA(spec: HddmASpec): DetectorRule {
  return new HddmA(spec);
}

class HddmA implements DetectorRule {
  readonly takes = "unit";
  readonly #driftConfidence: number;
  readonly #warningConfidence: number;
  readonly #isTwoSided: boolean;
  #all: Mean = NONE;
  #low: Mean = NONE;
  #high: Mean = NONE;

  constructor(spec: HddmASpec) {
    this.#driftConfidence = spec.driftConfidence ?? 0.001;
    this.#warningConfidence = spec.warningConfidence ?? 0.005;
    this.#isTwoSided = spec.direction === "both";
  }

  update(value: number): DriftVerdict {
    const count = this.#all.count + 1;
    const mean = this.#all.mean + (1 / count) * (value - this.#all.mean);
    this.#all = { count, mean };
    if (this.#low.count === 0) this.#low = this.#all;
    if (this.#high.count === 0) this.#high = this.#all;
    const bound = this.#hoeffding(count);
    if (this.#low.mean + this.#hoeffding(this.#low.count) >= mean + bound) this.#low = this.#all;
    if (this.#high.mean - this.#hoeffding(this.#high.count) <= mean - bound) this.#high = this.#all;
    const { up, down } = this.#differences();
    const isBeyond = (confidence: number): boolean =>
      (up !== null && up >= this.#bound(this.#low, confidence)) ||
      (down !== null && down >= this.#bound(this.#high, confidence));
    if (isBeyond(this.#driftConfidence)) return "drift";
    return isBeyond(this.#warningConfidence) ? "warning" : "stable";
  }

  reading(): RuleReading {
    const { up, down } = this.#differences();
    const parts = [
      { difference: up, since: this.#low },
      { difference: down, since: this.#high },
    ].flatMap(({ difference, since }) =>
      difference === null
        ? []
        : [{ ratio: difference / this.#bound(since, this.#driftConfidence), since }],
    );
    const [first, second] = parts;
    if (first === undefined) return NO_READING;
    const { ratio, since } = second !== undefined && second.ratio > first.ratio ? second : first;
    return {
      value: ratio,
      warningAt: Math.sqrt(
        Math.log(2 / this.#warningConfidence) / Math.log(2 / this.#driftConfidence),
      ),
      driftAt: 1,
      pValue: null,
      changeAgo: this.#all.count - since.count,
    };
  }

  reset(): void {
    this.remember([]);
  }

  numbers(): readonly number[] {
    return [this.#all, this.#low, this.#high].flatMap(({ count, mean }) => [count, mean]);
  }

  remember(numbers: readonly number[]): void {
    const part = (at: number): Mean => ({ count: numbers[at] ?? 0, mean: numbers[at + 1] ?? 0 });
    this.#all = part(0);
    this.#low = part(2);
    this.#high = part(4);
  }

  /** How far the mean has risen and fallen; null where that is not looked at. */
  #differences(): { readonly up: number | null; readonly down: number | null } {
    const { count, mean } = this.#all;
    const isFallLooked = this.#isTwoSided && this.#high.count !== count;
    return {
      up: this.#low.count === count ? null : mean - this.#low.mean,
      down: isFallLooked ? this.#high.mean - mean : null,
    };
  }

  #hoeffding(count: number): number {
    return Math.sqrt((1 / (2 * count)) * Math.log(1 / this.#driftConfidence));
  }

  #bound(since: Mean, confidence: number): number {
    const m = ((this.#all.count - since.count) / since.count) * (1 / this.#all.count);
    return Math.sqrt((m / 2) * Math.log(2 / confidence));
  }
}
