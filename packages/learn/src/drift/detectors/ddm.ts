import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { DdmSpec } from "./detector-spec.ts";

/**
 * With the error rate p of n values and s = √(p (1 − p) / n), a warning where p + s is above
 * p_min + 2 s_min, those of the n with the least p + s, and drift above p_min + 3 s_min.
 */
export function ddm(spec: DdmSpec): DetectorRule {
  return new Ddm(spec);
}

class Ddm implements DetectorRule {
  readonly takes = "unit";
  readonly #warningDeviations: number;
  readonly #driftDeviations: number;
  readonly #warmUp: number;
  #count = 0;
  #rate = 0;
  #rateMin = 0;
  #deviationMin = 0;

  constructor({ warningDeviations = 2, driftDeviations = 3, warmUp = 30 }: DdmSpec) {
    this.#warningDeviations = warningDeviations;
    this.#driftDeviations = driftDeviations;
    this.#warmUp = warmUp;
  }

  update(value: number): DriftVerdict {
    this.#count++;
    this.#rate += (1 / this.#count) * (value - this.#rate);
    if (this.#count <= this.#warmUp) return "stable";
    const deviation = this.#deviation();
    const sum = this.#rate + deviation;
    if (this.#count === this.#warmUp + 1 || sum <= this.#rateMin + this.#deviationMin) {
      this.#rateMin = this.#rate;
      this.#deviationMin = deviation;
    }
    if (sum > this.#rateMin + this.#driftDeviations * this.#deviationMin) return "drift";
    const warningAt = this.#rateMin + this.#warningDeviations * this.#deviationMin;
    return sum > warningAt ? "warning" : "stable";
  }

  reading(): RuleReading {
    if (this.#count <= this.#warmUp) return NO_READING;
    return {
      ...NO_READING,
      value: this.#rate + this.#deviation(),
      warningAt: this.#rateMin + this.#warningDeviations * this.#deviationMin,
      driftAt: this.#rateMin + this.#driftDeviations * this.#deviationMin,
    };
  }

  reset(): void {
    this.remember([]);
  }

  numbers(): readonly number[] {
    return [this.#count, this.#rate, this.#rateMin, this.#deviationMin];
  }

  remember([count = 0, rate = 0, rateMin = 0, deviationMin = 0]: readonly number[]): void {
    this.#count = count;
    this.#rate = rate;
    this.#rateMin = rateMin;
    this.#deviationMin = deviationMin;
  }

  #deviation(): number {
    // Rounding can bring a mean of ones above 1.
    return Math.sqrt(Math.max(0, this.#rate * (1 - this.#rate)) / this.#count);
  }
}
