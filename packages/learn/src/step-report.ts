import type { Fingerprint } from "@everfresh/core";
import type { PrequentialScore } from "./evaluate/prequential.ts";

/** What one step of training did. */
export interface StepReport {
  /** Number of this step; the first is 1, also across resumed runs. */
  readonly step: number;
  /** Version of the deployed state after this step. */
  readonly version: number;
  /** Fingerprint of the deployed state after this step. */
  readonly fingerprint: Fingerprint;
  /** Samples of the history that training has seen. */
  readonly samples: number;
  /** Samples in the batch, new and old. */
  readonly batchSize: number;
  /** Mean loss of the batch before the step. */
  readonly loss: number;
  /** Duration of the optimizer step in milliseconds. */
  readonly stepMs: number;
  /** Duration of choosing what to send in milliseconds. */
  readonly selectMs: number;
  /**
   * Duration of estimating the running statistics of BatchNormalization under what is deployed, in
   * milliseconds; 0 in steps in which they stay as they are.
   */
  readonly buffersMs: number;
  /** Duration of making the update durable and visible in milliseconds; 0 without an update. */
  readonly publishMs: number;
  /** When the optimizer step was done, on the monotonic clock, in milliseconds. */
  readonly stepDoneAtMs: number;
  /** Parameters in the update; 0 without one. */
  readonly entries: number;
  /** Parameters that could not be sent because they are beyond the range of the value type. */
  readonly unsendable: number;
  /** Bytes of the running statistics in the update; 0 where it brings none. */
  readonly bufferBytes: number;
  /** Length of the encoded update; 0 without one. */
  readonly updateBytes: number;
  /** Prequential accuracy of the trained state `θ`. */
  readonly trained: PrequentialScore;
  /** Prequential accuracy of the deployed state `x̂`. */
  readonly deployed: PrequentialScore;
  /** Whether the log had this step's update already, from before a crash. */
  readonly replayed: boolean;
  /** Whether the update in the log was another one than this step came to; the logged one stands. */
  readonly replayDiffered: boolean;
}
