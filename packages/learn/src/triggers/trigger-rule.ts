import type { TriggerDecision, TriggerEvent } from "./trigger.ts";

/** One kind of trigger: {@link Trigger} without the clock. */
export interface TriggerRule {
  /** Takes an event in. Times are in milliseconds since the Unix epoch and never go back. */
  on(event: TriggerEvent, nowMs: number): void;
  decide(nowMs: number): TriggerDecision;
  /** All that it remembers; finite numbers. */
  numbers(): readonly number[];
  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void;
}

/** A duration for people: "90 ms", "2.5 s", "3.2 min", "1.5 h". */
export function durationText(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 120_000) return `${Number((durationMs / 1_000).toFixed(1))} s`;
  if (durationMs < 7_200_000) return `${Number((durationMs / 60_000).toFixed(1))} min`;
  return `${Number((durationMs / 3_600_000).toFixed(1))} h`;
}
