import type { DriftRecord, DriftVerdict } from "@everfresh/core";
import type { SignalCheckpoint } from "../signal.ts";

/** All that a drift monitor remembers, as plain data that JSON can say. */
export interface DriftMonitorCheckpoint {
  /** What it was made with: only a monitor of the same goes on from it. */
  readonly made: string;
  /** Counts, and event times by sequence. */
  readonly numbers: readonly number[];
  readonly signals: DriftSignalsCheckpoint;
  readonly verdicts: DriftVerdictsCheckpoint;
  /** Labels that are out or wait. */
  readonly labels: readonly number[];
}

/** Where all signals of an ensemble are. */
export interface DriftSignalsCheckpoint {
  /** In the order of the specification. */
  readonly all: readonly MonitoredSignalCheckpoint[];
  /** What confidence is worth, and by how many labels that is known. */
  readonly confidence: SignalCheckpoint;
  readonly calibrated: number;
}

/** Where one signal of the ensemble is. */
export interface MonitoredSignalCheckpoint {
  readonly detector: SignalCheckpoint;
  /** Thinning, the sequences of its values, and which classes moved. */
  readonly numbers: readonly number[];
}

/** Where the verdict and its records are. */
export interface DriftVerdictsCheckpoint {
  readonly verdict: DriftVerdict;
  readonly explanation: string;
  /** Since when, and when the last drift was seen; -1 for never. The id of a warning; 0 without. */
  readonly numbers: readonly number[];
  readonly likelihood: readonly number[];
  readonly vote: readonly number[];
  readonly errors: readonly number[];
  readonly records: readonly DriftRecord[];
  /** Drifts whose labels are awaited. */
  readonly awaited: readonly number[];
}
