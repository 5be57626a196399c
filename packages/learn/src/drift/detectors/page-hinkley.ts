import type { DriftVerdict } from "../../triggers/trigger.ts";
import { type DetectorRule, NO_READING, type RuleReading } from "./detector-rule.ts";
import type { PageHinkleySpec } from "./detector-spec.ts";

/**
 * Drift where the cumulated deviation is λ above its minimum, or below its maximum:
 *
 *   U ← α U + x − x̄ − δ,   drift up where U − min U > λ
 *   D ← α D + x − x̄ + δ,   drift down where max D − D > λ
 *
 * As in River. Frouros compares U itself with λ, which after a long stable time, when U is far below
 * 0, alarms that much later.
 */
export function pageHinkley(spec: PageHinkleySpec): DetectorRule {
  return new PageHinkley(spec);
}

class PageHinkley implements DetectorRule {
  readonly takes = "numbers";
  readonly #delta: number;
  readonly #threshold: number;
  readonly #forgetting: number;
  readonly #isUp: boolean;
  readonly #isDown: boolean;
  readonly #warmUp: number;
  #count = 0;
  #mean = 0;
  #increase = 0;
  #decrease = 0;
  #increaseMin = 0;
  /** Starts at −1 as in River. */
  #decreaseMax = -1;

  constructor(spec: PageHinkleySpec) {
    this.#delta = spec.delta ?? 0.005;
    this.#threshold = spec.threshold ?? 50;
    this.#forgetting = spec.forgetting ?? 1 - 0.0001;
    this.#isUp = spec.direction !== "down";
    this.#isDown = spec.direction === undefined || spec.direction !== "up";
    this.#warmUp = spec.warmUp ?? 30;
  }

  update(value: number): DriftVerdict {
    this.#count++;
    this.#mean += (1 / this.#count) * (value - this.#mean);
    const deviation = value - this.#mean;
    this.#increase = this.#forgetting * this.#increase + deviation - this.#delta;
    this.#decrease = this.#forgetting * this.#decrease + deviation + this.#delta;
    if (this.#count === 1 || this.#increase < this.#increaseMin) this.#increaseMin = this.#increase;
    if (this.#decrease > this.#decreaseMax) this.#decreaseMax = this.#decrease;
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
    return [
      ...[this.#count, this.#mean, this.#increase, this.#decrease],
      ...[this.#increaseMin, this.#decreaseMax],
    ];
  }

  remember(numbers: readonly number[]): void {
    const [count = 0, mean = 0, increase = 0, decrease = 0] = numbers;
    const [increaseMin = 0, decreaseMax = -1] = numbers.slice(4);
    this.#count = count;
    this.#mean = mean;
    this.#increase = increase;
    this.#decrease = decrease;
    this.#increaseMin = increaseMin;
    this.#decreaseMax = decreaseMax;
  }

  #value(): number {
    const up = this.#isUp ? this.#increase - this.#increaseMin : 0;
    const down = this.#isDown ? this.#decreaseMax - this.#decrease : 0;
    return up > down ? up : down;
  }
}
