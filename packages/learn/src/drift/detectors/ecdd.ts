import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { EcddSpec } from "./detector-spec.ts";

/** Control limits by error rate, as the paper's table 1 fits them for λ = 0.2. */
const LIMITS: { readonly [K in 100 | 400 | 1000]: (p: number) => number } = {
  100: (p) => 2.76 - 6.23 * p + 18.12 * p ** 3 - 312.45 * p ** 5 + 1002.18 * p ** 7,
  400: (p) => 3.97 - 6.56 * p + 48.73 * p ** 3 - 330.13 * p ** 5 + 848.18 * p ** 7,
  1000: (p) => 1.17 + 7.56 * p - 21.24 * p ** 3 + 112.12 * p ** 5 - 987.23 * p ** 7,
};

/**
 * Drift where the EWMA z of errors is above their mean p by L standard deviations of it:
 *
 *   z ← λ x + (1 − λ) z,   σ_z² = p (1 − p) · λ / (2 − λ) · (1 − (1 − λ)²ⁿ)
 */
export function ecdd(spec: EcddSpec): DetectorRule {
  return new Ecdd(spec);
}

class Ecdd implements DetectorRule {
  readonly takes = "unit";
  readonly #smoothing: number;
  readonly #limit: (p: number) => number;
  readonly #warningFraction: number;
  readonly #warmUp: number;
  #count = 0;
  #mean = 0;
  #ewma = 0;

  constructor(spec: EcddSpec) {
    this.#smoothing = spec.smoothing ?? 0.2;
    this.#limit = LIMITS[spec.averageRunLength ?? 400];
    this.#warningFraction = spec.warningFraction ?? 0.5;
    this.#warmUp = spec.warmUp ?? 30;
  }

  update(value: number): DriftVerdict {
    this.#count++;
    this.#mean += (value - this.#mean) / this.#count;
    this.#ewma = this.#smoothing * value + (1 - this.#smoothing) * this.#ewma;
    if (this.#count < this.#warmUp) return "stable";
    const margin = this.#margin();
    if (this.#ewma > this.#mean + margin) return "drift";
    return this.#ewma > this.#mean + this.#warningFraction * margin ? "warning" : "stable";
  }

  reading(): RuleReading {
    if (this.#count < Math.max(1, this.#warmUp)) return NO_READING;
    const margin = this.#margin();
    const warningAt = this.#mean + this.#warningFraction * margin;
    return { ...NO_READING, value: this.#ewma, warningAt, driftAt: this.#mean + margin };
  }

  reset(): void {
    this.remember([0, 0, 0]);
  }

  numbers(): readonly number[] {
    return [this.#count, this.#mean, this.#ewma];
  }

  remember([count = 0, mean = 0, ewma = 0]: readonly number[]): void {
    this.#count = count;
    this.#mean = mean;
    this.#ewma = ewma;
  }

  #margin(): number {
    const [p, smoothing] = [this.#mean, this.#smoothing];
    const settled = 1 - (1 - smoothing) ** (2 * this.#count);
    const deviation = Math.sqrt((smoothing / (2 - smoothing)) * settled * (p * (1 - p)));
    return this.#limit(p) * deviation;
  }
}
