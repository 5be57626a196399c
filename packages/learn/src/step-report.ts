import type { Fingerprint } from "@everfresh/core";
import type { PrequentialScore } from "./evaluate/prequential.ts";
import type { Iteration } from "./strategies/iteration.ts";

/** What one iteration of training did: one optimizer step, or a retraining of many. */
export interface StepReport {
  /** Number of this iteration; the first is 1, also across resumed runs. */
  readonly step: number;
  readonly kind: Iteration["kind"];
  /** Why it was due, for people. */
  readonly why: string;
  /** Version of the deployed state after it. */
  readonly version: number;
  /** Fingerprint of the deployed state after it. */
  readonly fingerprint: Fingerprint;
  /** Samples of the history that training has taken up. */
  readonly samples: number;
  /** Of these, the ones that were new in this iteration, */
  readonly fresh: number;
  /** and those that went straight to history before it. */
  readonly skipped: number;
  /** Optimizer steps that it took. */
  readonly optimizerSteps: number;
  /** Samples in the batch, new and old; of a retraining those that it trained on, each counted once. */
  readonly batchSize: number;
  /** Mean loss of the batch before the step; of a retraining the mean of its last epoch. */
  readonly loss: number;
  /** Duration of the optimizer step in milliseconds; of a retraining the mean of its steps. */
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
  /** When training was done, on the monotonic clock, in milliseconds. */
  readonly stepDoneAtMs: number;
  /**
   * From the arrival of the oldest of its new samples to when what it learned was deployed, in
   * milliseconds; null where none was new, or one came before the process began.
   */
  readonly lagMs: number | null;
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
  /** Whether the log had this iteration's update already, from before a crash. */
  readonly replayed: boolean;
  /** Whether the update in the log was another one than this iteration came to; the logged one stands. */
  readonly replayDiffered: boolean;
}
