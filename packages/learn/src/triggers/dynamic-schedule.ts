import type { TriggerDecision, TriggerEvent } from "./trigger.ts";
import { durationText, type TriggerRule } from "./trigger-rule.ts";
import type { DynamicScheduleSpec } from "./trigger-spec.ts";

const RATE_MS_DEFAULT = 60_000;

/**
 * The dynamic scheduler of Derakhshan et al. (EDBT 2019): the busier the model is with predictions, and
 * the longer training takes, the longer training waits. Not in their code.
 */
export function dynamicSchedule(spec: DynamicScheduleSpec): TriggerRule {
  return new DynamicSchedule(spec);
}

class DynamicSchedule implements TriggerRule {
  readonly #spec: DynamicScheduleSpec;
  readonly #rateMs: number;
  /** From when on waiting counts, and how long it lasts. */
  #fromMs: number | null = null;
  #waitMs: number;
  #isRunning = false;
  /** Queries and their time, each weighted by e^(−age / rateMs), as of `#atMs`. */
  #queries = 0;
  #servingMs = 0;
  #atMs = 0;
  #startMs = 0;

  constructor(spec: DynamicScheduleSpec) {
    this.#spec = spec;
    this.#rateMs = spec.rateMs ?? RATE_MS_DEFAULT;
    this.#waitMs = spec.firstMs ?? 0;
  }

  on(event: TriggerEvent, nowMs: number): void {
    if (this.#fromMs === null) {
      this.#fromMs = nowMs;
      this.#atMs = nowMs;
      this.#startMs = nowMs;
    }
    const decay = Math.exp((this.#atMs - nowMs) / this.#rateMs);
    this.#queries *= decay;
    this.#servingMs *= decay;
    this.#atMs = nowMs;
    if (event.kind === "served") {
      this.#queries += event.queries;
      this.#servingMs += event.totalMs;
    }
    if (event.kind === "began") this.#isRunning = true;
    if (event.kind === "ended") {
      this.#isRunning = false;
      this.#fromMs = nowMs;
      this.#waitMs = this.#waitAfter(event.durationMs);
    }
  }

  decide(nowMs: number): TriggerDecision {
    if (this.#isRunning) return { isDue: false, why: "training runs" };
    const passedMs = nowMs - (this.#fromMs ?? nowMs);
    return {
      isDue: this.#fromMs !== null && passedMs >= this.#waitMs,
      why: `${durationText(passedMs)} of ${durationText(this.#waitMs)} have passed`,
    };
  }

  numbers(): readonly number[] {
    if (this.#fromMs === null) return [];
    return [
      this.#fromMs,
      this.#waitMs,
      this.#isRunning ? 1 : 0,
      this.#queries,
      this.#servingMs,
      this.#atMs,
      this.#startMs,
    ];
  }

  remember(numbers: readonly number[]): void {
    const [fromMs, waitMs, isRunning, queries = 0, servingMs = 0, atMs = 0, startMs = 0] = numbers;
    this.#fromMs = fromMs ?? null;
    this.#waitMs = waitMs ?? this.#spec.firstMs ?? 0;
    this.#isRunning = isRunning === 1;
    this.#queries = queries;
    this.#servingMs = servingMs;
    this.#atMs = atMs;
    this.#startMs = startMs;
  }

  /**
   * T' = S · T · p_r · p_l, with p_r = queries / time and p_l = serving time / queries. Queries are
   * counted over a window that fades: its length is rateMs · (1 − e^(−time since start / rateMs)).
   */
  #waitAfter(trainingMs: number): number {
    const { slack, leastMs = 0, mostMs = Infinity } = this.#spec;
    const seenMs = this.#rateMs * -Math.expm1((this.#startMs - this.#atMs) / this.#rateMs);
    const queriesPerMs = seenMs > 0 ? this.#queries / seenMs : 0;
    const queryMs = this.#queries > 0 ? this.#servingMs / this.#queries : 0;
    return Math.min(mostMs, Math.max(leastMs, slack * trainingMs * queriesPerMs * queryMs));
  }
}
