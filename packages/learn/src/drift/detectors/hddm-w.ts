import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { HddmWSpec } from "./detector-spec.ts";

/** An EWMA with the sum of the squares of its weights; `count` 0 before the first value. */
interface Ewma {
  readonly count: number;
  readonly mean: number;
  readonly squares: number;
}

const NONE: Ewma = { count: 0, mean: 0, squares: 1 };

/** The EWMAs before and after the cut where the bound of the former was least, or greatest. */
interface Cut {
  readonly before: Ewma;
  readonly after: Ewma;
}

/**
 * Drift where the EWMA after a cut is above the one before it by McDiarmid's bound:
 *
 *   z₂ − z₁ > √((b₁ + b₂) · ln(1 / α) / 2),   b ← λ² + (1 − λ)² b
 *
 * The cut is where z + √(b · ln(1 / α) / 2) of all values was least.
 */
export function hddmW(spec: HddmWSpec): DetectorRule {
  return new HddmW(spec);
}

class HddmW implements DetectorRule {
  readonly takes = "unit";
  readonly #driftConfidence: number;
  readonly #warningConfidence: number;
  readonly #smoothing: number;
  readonly #isTwoSided: boolean;
  #all: Ewma = NONE;
  #up: Cut = { before: NONE, after: NONE };
  #down: Cut = { before: NONE, after: NONE };

  constructor(spec: HddmWSpec) {
    this.#driftConfidence = spec.driftConfidence ?? 0.001;
    this.#warningConfidence = spec.warningConfidence ?? 0.005;
    this.#smoothing = spec.smoothing ?? 0.05;
    this.#isTwoSided = spec.direction === "both";
  }

  update(value: number): DriftVerdict {
    this.#all = this.#next(this.#all, value);
    const reach = this.#reach(this.#all);
    const isLeast = this.#all.mean + reach < this.#up.before.mean + this.#reach(this.#up.before);
    this.#up = this.#nextCut(this.#up, isLeast, value);
    const isMost = this.#all.mean - reach > this.#down.before.mean - this.#reach(this.#down.before);
    this.#down = this.#nextCut(this.#down, isMost, value);
    const rise = this.#ratio();
    if (rise > 1) return "drift";
    return rise > this.#warningRatio() ? "warning" : "stable";
  }

  reading(): RuleReading {
    if (!isUsed(this.#up) && !(this.#isTwoSided && isUsed(this.#down))) return NO_READING;
    const { after } = this.#change(this.#up, 1) >= this.#ratio() ? this.#up : this.#down;
    return {
      value: this.#ratio(),
      warningAt: this.#warningRatio(),
      driftAt: 1,
      pValue: null,
      changeAgo: after.count,
    };
  }

  reset(): void {
    this.remember([]);
  }

  numbers(): readonly number[] {
    const parts = [this.#all, this.#up.before, this.#up.after, this.#down.before, this.#down.after];
    return parts.flatMap(({ count, mean, squares }) => [count, mean, squares]);
  }

  remember(numbers: readonly number[]): void {
    const part = (at: number): Ewma => ({
      count: numbers[at] ?? 0,
      mean: numbers[at + 1] ?? 0,
      squares: numbers[at + 2] ?? 1,
    });
    this.#all = part(0);
    this.#up = { before: part(3), after: part(6) };
    this.#down = { before: part(9), after: part(12) };
  }

  #next({ count, mean, squares }: Ewma, value: number): Ewma {
    const rest = 1 - this.#smoothing;
    return {
      count: count + 1,
      mean: count === 0 ? value : this.#smoothing * value + rest * mean,
      squares: this.#smoothing * this.#smoothing + rest ** 2 * squares,
    };
  }

  #nextCut(cut: Cut, isCut: boolean, value: number): Cut {
    if (isCut || cut.before.count === 0) return { before: this.#all, after: NONE };
    return { before: cut.before, after: this.#next(cut.after, value) };
  }

  #reach({ squares }: Ewma): number {
    return Math.sqrt((squares * Math.log(1 / this.#driftConfidence)) / 2);
  }

  /** The larger of rise and, where both count, fall: as a part of the bound of a drift. */
  #ratio(): number {
    const rise = this.#change(this.#up, 1);
    return this.#isTwoSided ? Math.max(rise, this.#change(this.#down, -1)) : rise;
  }

  #change(cut: Cut, sign: 1 | -1): number {
    if (!isUsed(cut)) return 0;
    const squares = cut.before.squares + cut.after.squares;
    const bound = Math.sqrt((squares * Math.log(1 / this.#driftConfidence)) / 2);
    return (sign * (cut.after.mean - cut.before.mean)) / bound;
  }

  #warningRatio(): number {
    return Math.sqrt(Math.log(1 / this.#warningConfidence) / Math.log(1 / this.#driftConfidence));
  }
}

function isUsed({ before, after }: Cut): boolean {
  return before.count > 0 && after.count > 0;
}
