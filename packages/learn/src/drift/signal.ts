import type { DriftVerdict } from "../triggers/trigger.ts";

/**
 * One drift statistic over time. It takes values in one after another, each at a bounded cost:
 *
 *   value ──► update ──► stable ─ warning ─ drift ──► (the next value) starts anew
 *
 * An alarm is told once: whatever comes after a drift, a missing value too, first forgets all values.
 */
export interface Signal<Value> {
  /**
   * Takes a value in and says what the values since the last alarm or reset show. One that is missing
   * (NaN), infinite or outside of what the signal takes is counted and changes nothing else.
   */
  update(value: Value): DriftVerdict;
  /** What {@link update} said last, and by what. */
  reading(): SignalReading;
  /** Forgets all values; what is counted stays. */
  reset(): void;
  /** All that later verdicts depend on, as plain data. */
  checkpoint(): SignalCheckpoint;
  /**
   * Goes back to a checkpoint, and on from there with the verdicts that followed.
   * @throws ResumeMismatchError when it is of another kind
   * @throws DriftCheckpointError when it is damaged, or of one with other sizes
   */
  restore(checkpoint: SignalCheckpoint): void;
}

/** A signal of numbers: errors (1 is wrong, 0 is right), losses, or any other statistic. */
export interface Detector extends Signal<number> {
  /** The value of {@link Signal.reading}, and nothing else. */
  value(): number | null;
}

/** What a signal shows now. */
export interface SignalReading {
  readonly verdict: DriftVerdict;
  /** The statistic, more being worse; null before there is one. */
  readonly value: number | null;
  /** Where a warning begins; null where the signal does not warn, or not yet. */
  readonly warningAt: number | null;
  /** Where a drift begins; null before the signal knows. */
  readonly driftAt: number | null;
  /** How likely a stable stream shows as much by chance, as the signal defines it; null without. */
  readonly pValue: number | null;
  /** How many values ago the change was, as estimated; null without an estimate. */
  readonly changeAgo: number | null;
  /** Values since the last alarm or reset. */
  readonly taken: number;
  /** Values that were missing or outside of what the signal takes, ever. */
  readonly ignored: number;
  /** Drifts, ever. */
  readonly alarms: number;
}

/** Where a signal is. */
export interface SignalCheckpoint {
  readonly kind: string;
  /** In an order that the kind knows; finite. */
  readonly numbers: readonly number[];
}
