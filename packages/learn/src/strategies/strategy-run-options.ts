import type { Clock, Preprocessing } from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import type { History } from "@everfresh/streams";
import type { ClassScores } from "../evaluate/class-statistics.ts";
import type { EvaluationScores } from "../evaluate/evaluation.ts";
import type { Sleep } from "../pace.ts";
import type { PositionRange } from "../samplers/excluding.ts";
import type { IntakeCounters } from "../triggers/overload.ts";
import type { BatchReader, FeatureCacheSpec } from "./batch-reader.ts";
import type { Costs } from "./cost-account.ts";
import type { Follower, PerformedIteration } from "./follower.ts";
import type { IterationProgress } from "./perform.ts";
import type { ClassEvaluationSpec } from "./state-scores.ts";
import type { StrategySpec } from "./strategy-spec.ts";
import type { StrategyRunCheckpoint } from "./strategy-run-checkpoint.ts";

/** One of the strategies that are compared. */
export interface ComparedStrategy {
  /** Different from those of the others. */
  readonly name: string;
  readonly spec: StrategySpec;
  /** Trains its θ, which starts as it is; used by nobody else. */
  readonly session: Pick<TrainingSession, "state" | "step" | "predict" | "restore" | "checkpoint"> &
    /** Preprocessing that learns needs it. */
    Partial<Pick<TrainingSession, "setBuffers">>;
  /** The bytes of the state that a cold retraining starts from. @default θ as it is at first */
  readonly initial?: Uint8Array;
  /** States that follow θ. @default none */
  readonly followers?: readonly Follower[];
  /** Of its draws. @default that of the run: strategies then draw alike */
  readonly seed?: number;
}

/** Options of a {@link StrategyRun}. */
export interface StrategyRunOptions {
  readonly strategies: readonly ComparedStrategy[];
  /** What all of them remember; what is in it at first is past. */
  readonly history: History;
  /** From the features of a sample to the model's input. */
  readonly preprocessing: Preprocessing;
  /** How all states are evaluated. */
  readonly evaluation: ClassEvaluationSpec;
  /** Of all draws, unless a strategy has its own. */
  readonly seed: number;
  /** What triggers and budgets go by, and what costs are measured with. */
  readonly clock: Clock;
  /** How many samples later the label of a sample arrives, of 0 or more. @default 0 */
  readonly lagSamples?: number;
  /** Positions that are never trained on. @default none */
  readonly excluded?: readonly PositionRange[];
  /**
   * Gives samples of the history; not where preprocessing learns or augments: each strategy then makes
   * its own. @default reads them, and caches what was made of them
   */
  readonly batches?: BatchReader;
  /** How features are cached; each strategy that makes its own has such a cache. */
  readonly features?: FeatureCacheSpec;
  /**
   * Labels between two scores that a trigger by performance is told, 1 or more.
   * @default 32
   */
  readonly testedEvery?: number;
  /** How a strategy waits for its budgets while its source has to wait. @default the timer */
  readonly sleep?: Sleep;
  /** Is told of every iteration, after the followers, and waited for. */
  readonly onIteration?: (strategy: string, performed: PerformedIteration) => void | Promise<void>;
  /** Is told of every step of an iteration, and waited for. */
  readonly onStep?: (strategy: string, progress: IterationProgress) => void | Promise<void>;
  /** Is told of scored predictions, of every state in their order. */
  readonly onScored?: (scored: ScoredPredictions) => void;
  /** Ends the run between two steps: what runs then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Where to go on. */
  readonly checkpoint?: StrategyRunCheckpoint;
}

/** Predictions that were scored together. */
export interface ScoredPredictions {
  readonly strategy: string;
  /** `theta`, or the name of a follower. */
  readonly state: string;
  /** Number of the first sample, counted from the first that arrived in the run. */
  readonly from: number;
  /** For each whether it is right: 1 or 0. */
  readonly hits: Uint8Array;
}

/** How a strategy stands. */
export interface StrategyStanding {
  readonly name: string;
  readonly spec: StrategySpec;
  /** Iterations performed. */
  readonly iterations: number;
  readonly costs: Costs;
  /** Of what arrived; null where samples never wait. */
  readonly intake: IntakeCounters | null;
  /** θ first, then the followers. */
  readonly states: readonly StateStanding[];
}

/** How a state stands. */
export interface StateStanding {
  /** `theta`, or the name of a follower. */
  readonly name: string;
  readonly scores: EvaluationScores<ClassScores>;
}
