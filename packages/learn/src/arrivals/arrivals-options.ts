import type { Clock, ModelState, Preprocessor } from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import type { History, LabelJoin, Source } from "@everfresh/streams";
import type { DriftWatch } from "../drift/monitor/drift-watch.ts";
import type { LiveEvaluation } from "../evaluate/live-evaluation.ts";
import type { Pace, Sleep } from "../pace.ts";

/** Labels that come later than their samples. */
export type LateLabels = LaggingLabels | FollowingLabels;

/** Those of a source that has them, played as if they came later. */
export interface LaggingLabels {
  /** Keeps predictions until their labels come; what is joined is, number by number, the history. */
  readonly join: LabelJoin;
  /** How many samples of the source later the label of a sample comes: 0 or more. */
  readonly lagSamples: number;
}

/** Those that come by themselves, as the source's `following` says. */
export interface FollowingLabels {
  /** As of {@link LaggingLabels}; knows how far the source has been read. */
  readonly join: LabelJoin;
  readonly lagSamples: null;
}

/** The states that samples are tested under. */
export interface TestedStates {
  readonly trained: ModelState;
  readonly deployed: ModelState;
  /** Version of the deployed one. */
  readonly version: number;
}

/** What arrivals work with. */
export interface ArrivalsOptions {
  readonly source: Source;
  readonly history: History;
  readonly preprocessor: Preprocessor;
  readonly session: Pick<TrainingSession, "predict">;
  /** Scores what is predicted, and has the frozen state. */
  readonly evaluation: LiveEvaluation;
  /** Sees what arrives, in its order; absent where nothing is watched. */
  readonly drift?: DriftWatch | undefined;
  /** The states as they are now. */
  readonly states: () => TestedStates;
  /** Samples of the history whose scores the evaluation knows. */
  readonly testedFrom: number;
  /** Samples that may have come before anything is done with them, 1 or more. */
  readonly capacity: number;
  /** How fast samples of the source arrive. */
  readonly pace?: Pace | undefined;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly signal: AbortSignal;
}
