import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { CusumSpec } from "./detector-spec.ts";

/**
 * Drift where the cumulated deviation, which is never below 0, is above λ:
 *
 *   U ← max(0, U + x − x̄ − δ),   D ← max(0, D + x̄ − x − δ)
 */
export function cusum(spec: CusumSpec): DetectorRule {
  return new Cusum(spec);
}

class Cusum implements DetectorRule {
  readonly takes = "numbers";
  readonly #delta: number;
  readonly #threshold: number;
  readonly #isUp: boolean;
  readonly #isDown: boolean;
  readonly #warmUp: number;
  #count = 0;
  #mean = 0;
  #up = 0;
  #down = 0;

  constructor({ delta = 0.005, threshold = 50, direction = "up", warmUp = 30 }: CusumSpec) {
    this.#delta = delta;
    this.#threshold = threshold;
    this.#isUp = direction !== "down";
    this.#isDown = direction !== "up";
    this.#warmUp = warmUp;
  }

  update(value: number): DriftVerdict {
    this.#count++;
    this.#mean += (value - this.#mean) / this.#count;
    if (this.#isUp) this.#up = Math.max(0, this.#up + value - this.#mean - this.#delta);
    if (this.#isDown) this.#down = Math.max(0, this.#down + this.#mean - value - this.#delta);
    return this.#count >= this.#warmUp && this.#value() > this.#threshold ? "drift" : "stable";
  }

  reading(): RuleReading {
    if (this.#count < Math.max(1, this.#warmUp)) return NO_READING;
    return { ...NO_READING, value: this.#value(), driftAt: this.#threshold };
  }

  reset(): void {
    this.remember([]);
  }

  numbers(): readonly number[] {
    return [this.#count, this.#mean, this.#up, this.#down];
  }

  remember([count = 0, mean = 0, up = 0, down = 0]: readonly number[]): void {
    this.#count = count;
    this.#mean = mean;
    this.#up = up;
    this.#down = down;
  }

  #value(): number {
    return this.#up > this.#down ? this.#up : this.#down;
  }
}
