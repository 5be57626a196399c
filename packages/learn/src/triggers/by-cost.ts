import type { TriggerDecision, TriggerEvent } from "./trigger.ts";
import { durationText, type TriggerRule } from "./trigger-rule.ts";
import type { ByCostSpec } from "./trigger-spec.ts";

/** Trainings that the forecast looks back on: enough for a line, few enough to follow the machine. */
const TRAININGS = 16;
/** Added to the spread of the sizes, so that two nearly equal ones do not make a steep line. */
const RIDGE = 1;

/**
 * Due when the time that new samples have waited in all, divided by what a second of training is worth,
 * reaches the time that training on them is expected to take. This is the trigger on data incorporation
 * latency of Modyn (Böther et al., SIGMOD 2025): the area under the number of waiting samples over time
 * against a line fitted to the last trainings.
 */
export function byCost(spec: ByCostSpec): TriggerRule {
  return new Cost(spec);
}

class Cost implements TriggerRule {
  readonly #spec: ByCostSpec;
  #waiting = 0;
  /** ∫ waiting dt, in sample-milliseconds, up to `#atMs`. */
  #latencyMs = 0;
  #atMs: number | null = null;
  /** New samples of the training that runs. */
  #taken = 0;
  #trainings: { readonly samples: number; readonly durationMs: number }[] = [];

  constructor(spec: ByCostSpec) {
    this.#spec = spec;
  }

  on(event: TriggerEvent, nowMs: number): void {
    this.#latencyMs = this.#latencyAt(nowMs);
    this.#atMs = nowMs;
    if (event.kind === "arrived") this.#waiting += event.samples;
    if (event.kind === "began") {
      // Those that are left have waited as long as the mean.
      const left = Math.max(0, this.#waiting - event.samples);
      this.#latencyMs *= this.#waiting === 0 ? 0 : left / this.#waiting;
      this.#waiting = left;
      this.#taken = event.samples;
    }
    if (event.kind === "ended") {
      this.#trainings.push({ samples: this.#taken, durationMs: event.durationMs });
      if (this.#trainings.length > TRAININGS) this.#trainings.shift();
    }
  }

  decide(nowMs: number): TriggerDecision {
    const worthMs = this.#latencyAt(nowMs) / this.#spec.sampleSecondsPerTrainingSecond;
    const costMs = this.#forecastMs();
    return {
      isDue: this.#waiting > 0 && worthMs >= costMs,
      why:
        `${this.#waiting} waiting samples are worth ${durationText(worthMs)} of training, ` +
        `which would take ${durationText(costMs)}`,
    };
  }

  numbers(): readonly number[] {
    const trainings = this.#trainings.flatMap(({ samples, durationMs }) => [samples, durationMs]);
    const time = this.#atMs === null ? [0, 0] : [1, this.#atMs];
    return [this.#waiting, this.#latencyMs, ...time, this.#taken, ...trainings];
  }

  remember(numbers: readonly number[]): void {
    const [waiting = 0, latencyMs = 0, hasTime = 0, atMs = 0, taken = 0, ...trainings] = numbers;
    this.#waiting = waiting;
    this.#latencyMs = latencyMs;
    this.#atMs = hasTime === 1 ? atMs : null;
    this.#taken = taken;
    this.#trainings = [];
    for (let at = 0; at + 1 < trainings.length; at += 2) {
      const [samples = 0, durationMs = 0] = trainings.slice(at, at + 2);
      this.#trainings.push({ samples, durationMs });
    }
  }

  #latencyAt(nowMs: number): number {
    return this.#latencyMs + this.#waiting * (nowMs - (this.#atMs ?? nowMs));
  }

  /**
   * mean(y) + b · (waiting − mean(x)) with b = Σ (x − mean(x)) · (y − mean(y)) / (Σ (x − mean(x))² + 1),
   * never below 0: a line through sizes x and durations y of the last trainings.
   */
  #forecastMs(): number {
    const list = this.#trainings;
    if (list.length === 0) return this.#spec.firstTrainingMs ?? 0;
    const meanSize = list.reduce((sum, { samples }) => sum + samples, 0) / list.length;
    const meanMs = list.reduce((sum, { durationMs }) => sum + durationMs, 0) / list.length;
    let [covariance, variance] = [0, 0];
    for (const { samples, durationMs } of list) {
      covariance += (samples - meanSize) * (durationMs - meanMs);
      variance += (samples - meanSize) ** 2;
    }
    const slope = covariance / (variance + RIDGE);
    return Math.max(0, meanMs + slope * (this.#waiting - meanSize));
  }
}
