import type { MonitoredSignal } from "../monitor/monitored-signal.ts";

/** A signal with less than this part of all evidence is not named. */
const PART_MIN = 0.1;

/** The signals that all evidence goes back to. */
export interface Strongest {
  /** The strongest first; those without data are none. */
  readonly signals: readonly MonitoredSignal[];
  /** Of all signals together, in samples; null without data. */
  readonly evidence: number | null;
  /** Where the strongest puts the change; null without an estimate. */
  readonly since: number | null;
  /** Whether half of it or more is of signals that need labels. */
  readonly isLabelled: boolean;
}

/** Who brings how much evidence, by the signals' weights. */
export function strongestOf(
  signals: readonly MonitoredSignal[],
  weights: readonly number[],
): Strongest {
  const parts = signals
    .map((signal, i) => ({ signal, part: (weights[i] ?? 0) * (signal.evidence ?? 0) }))
    .filter(({ part }) => part > 0)
    .sort((left, right) => right.part - left.part);
  const total = parts.reduce((sum, { part }) => sum + part, 0);
  const labelled = parts
    .filter(({ signal }) => signal.family === "error")
    .reduce((sum, { part }) => sum + part, 0);
  return {
    signals: parts.filter(({ part }) => part >= PART_MIN * total).map(({ signal }) => signal),
    evidence: parts.length === 0 ? null : total,
    since: parts[0]?.signal.since() ?? null,
    isLabelled: parts.length > 0 && 2 * labelled >= total,
  };
}
