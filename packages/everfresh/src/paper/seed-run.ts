import type { Clock } from "@everfresh/core";
import type { Model, TrainingSession } from "@everfresh/engine";
import type { BatchReader, RetrainingStore } from "@everfresh/learn";
import type { History } from "@everfresh/streams";
import type { Experiment } from "./experiment.ts";
import type { InitialModel } from "./row-store.ts";
import type { TestSet } from "./test-set.ts";

/** All that the rows of one seed are computed with. */
export interface SeedRun {
  readonly experiment: Experiment;
  readonly seed: number;
  readonly model: Model;
  /** Trains one row after another. */
  readonly session: TrainingSession;
  /** Where every row begins. */
  readonly initial: InitialModel;
  /** The initial samples, then the stream. */
  readonly history: History;
  readonly batches: BatchReader;
  readonly test: TestSet;
  readonly clock: Clock;
  /** Where a retraining on so many samples is kept until what it is for is done. */
  readonly retrainings: (samples: number) => RetrainingStore;
  /** Is told of work done, in units of one step. */
  readonly onWork: (steps: number) => void;
  /** Ends the work between two steps. */
  readonly signal?: AbortSignal;
}
