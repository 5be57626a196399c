import type { SignalCheckpoint, SignalReading } from "../signal.ts";

/** A detector whose alarms someone else decides. */
export interface EvidenceSource {
  /** Takes in a row of the numbers that it looks at; of one number where it looks at one. */
  update(row: ArrayLike<number>): void;
  /** Values between two such chances, 1 or more; null before it can say anything. */
  evidence(): number | null;
  /** The value of its reading where evidence is so much; null where that is not known. */
  valueAt(evidence: number): number | null;
  /** How many values ago the change was, as estimated; null without an estimate. */
  changeAgo(): number | null;
  /** Its statistic per number of the row; empty where it has no parts. */
  parts(): readonly number[];
  reading(): SignalReading;
  /** The change that it saw was none; absent where it has nothing to learn from that. */
  mistaken?(): void;
  reset(): void;
  checkpoint(): SignalCheckpoint;
  /** @throws ResumeMismatchError, DriftCheckpointError */
  restore(checkpoint: SignalCheckpoint): void;
}
