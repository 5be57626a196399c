import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { EddmSpec } from "./detector-spec.ts";

/**
 * With mean m and standard deviation s of the distances between errors (values of 1), a warning where
 * m + 2 s is below 0.95 of its maximum, drift below 0.9. Looked at with each error; a warning stays
 * until the next one that takes it back. As in River.
 */
export function eddm(spec: EddmSpec): DetectorRule {
  return new Eddm(spec);
}

class Eddm implements DetectorRule {
  readonly takes = "unit";
  readonly #warningBelow: number;
  readonly #driftBelow: number;
  readonly #warmUp: number;
  #count = 0;
  #errors = 0;
  #lastError = 0;
  #mean = 0;
  #squares = 0;
  /** The maximum of m + 2 s; 0 before the first one. */
  #reachMax = 0;
  /** The last reach that was no maximum, as a part of it. */
  #level = 1;
  #isWarning = false;

  constructor({ warningBelow = 0.95, driftBelow = 0.9, warmUp = 30 }: EddmSpec) {
    this.#warningBelow = warningBelow;
    this.#driftBelow = driftBelow;
    this.#warmUp = warmUp;
  }

  update(value: number): DriftVerdict {
    this.#count++;
    if (value === 1 && this.#takeError() < this.#driftBelow) return "drift";
    return this.#isWarning ? "warning" : "stable";
  }

  reading(): RuleReading {
    if (this.#errors <= this.#warmUp || this.#reachMax === 0) return NO_READING;
    return {
      ...NO_READING,
      value: 1 - this.#level,
      warningAt: 1 - this.#warningBelow,
      driftAt: 1 - this.#driftBelow,
    };
  }

  reset(): void {
    this.remember([]);
  }

  numbers(): readonly number[] {
    return [
      ...[this.#count, this.#errors, this.#lastError, this.#mean, this.#squares],
      ...[this.#reachMax, this.#level, this.#isWarning ? 1 : 0],
    ];
  }

  remember(numbers: readonly number[]): void {
    const [count = 0, errors = 0, lastError = 0, mean = 0, squares = 0] = numbers;
    const [reachMax = 0, level = 1, isWarning = 0] = numbers.slice(5);
    this.#count = count;
    this.#errors = errors;
    this.#lastError = lastError;
    this.#mean = mean;
    this.#squares = squares;
    this.#reachMax = reachMax;
    this.#level = level;
    this.#isWarning = isWarning === 1;
  }

  /** Takes the distance to the error before in; returns the level, where it is looked at. */
  #takeError(): number {
    const distance = this.#count - this.#lastError;
    this.#lastError = this.#count;
    this.#errors++;
    const mean = this.#mean;
    this.#mean += (1 / this.#errors) * (distance - mean);
    this.#squares += (distance - mean) * (distance - this.#mean);
    if (this.#count <= this.#warmUp) return 1;
    const variance = this.#errors > 1 ? this.#squares / (this.#errors - 1) : 0;
    const reach = this.#mean + 2 * Math.sqrt(variance);
    if (reach > this.#reachMax) {
      // A new maximum leaves a warning, and the level that it goes by, as they are.
      this.#reachMax = reach;
      return 1;
    }
    if (this.#errors <= this.#warmUp) return 1;
    this.#level = reach / this.#reachMax;
    this.#isWarning = this.#level < this.#warningBelow;
    return this.#level;
  }
}
