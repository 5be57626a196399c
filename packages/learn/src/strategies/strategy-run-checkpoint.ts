import type { TrainingCheckpoint } from "@everfresh/engine";
import type { ClassBaselinesCheckpoint } from "../evaluate/baselines.ts";
import type { BatchReaderPosition } from "./batch-reader.ts";
import type { Costs } from "./cost-account.ts";
import type { StateScoresCheckpoint } from "./state-scores.ts";
import type { StrategyCheckpoint } from "./strategy.ts";

/** Where a run of strategies is, but for the history, the sessions and the followers' states. */
export interface StrategyRunCheckpoint {
  /** Samples in the history when the run began. */
  readonly base: number;
  /** Samples that have arrived, and labels. */
  readonly arrived: number;
  readonly labelled: number;
  readonly baselines: ClassBaselinesCheckpoint;
  /** What the baselines answered for the samples that have no label yet. */
  readonly unlabelled: readonly {
    readonly noChange: number | null;
    readonly majority: number | null;
  }[];
  readonly strategies: readonly StrategyLaneCheckpoint[];
}

/** One strategy's part of it. */
export interface StrategyLaneCheckpoint {
  readonly name: string;
  readonly strategy: StrategyCheckpoint;
  /** What its session is to be opened with, or restored to. */
  readonly training: TrainingCheckpoint;
  /** What a cold retraining starts from. */
  readonly initial: Uint8Array;
  /** Where the features of batches are; absent where preprocessing neither learns nor augments. */
  readonly features?: BatchReaderPosition;
  readonly costs: Costs;
  /** Labels of which triggers by performance have been told, and the right answers until then. */
  readonly told: { readonly labels: number; readonly correct: number };
  /** θ first, then the followers. */
  readonly states: readonly StateScoresCheckpoint[];
}
