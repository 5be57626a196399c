import type { TrainingCheckpoint } from "@everfresh/engine";
import type { RetrainingIteration } from "./strategies/iteration.ts";
import type { IterationResult } from "./strategies/perform.ts";

/** How far a retraining has come: enough to go on with it, bit for bit, as if it had not stopped. */
export interface RetrainingCheckpoint {
  /** Number of the iteration, */
  readonly step: number;
  /** and the version that is deployed before it. */
  readonly version: number;
  readonly iteration: RetrainingIteration;
  /** What was done of it; of the losses the newest ones, as many as an epoch has. */
  readonly done: IterationResult;
  /** The trained state and the optimizer after that. */
  readonly training: TrainingCheckpoint;
}

/** Where the retraining that runs is kept: one at a time. */
export interface RetrainingStore {
  /** Makes a checkpoint durable: after a crash at any moment the store has this one or the one before. */
  save(checkpoint: RetrainingCheckpoint): Promise<void>;
  /** The last one that was saved, or null; null also where it is damaged, since all can be done anew. */
  latest(): Promise<RetrainingCheckpoint | null>;
  /** Forgets a retraining up to and with the iteration `step`: there is a checkpoint made after it. */
  forgetTo(step: number): Promise<void>;
}
