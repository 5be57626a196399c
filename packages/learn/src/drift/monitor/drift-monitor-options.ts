import type { DriftMonitorCheckpoint } from "./drift-monitor-checkpoint.ts";
import type { DriftSpec } from "./drift-spec.ts";
import type { InputMicros } from "./signal-cost.ts";

/** What a drift monitor is made with. */
export interface DriftMonitorOptions {
  readonly spec: DriftSpec;
  /** Numbers in the features of a sample, as the model gets them. */
  readonly features: number;
  /** Numbers in an embedding; needed where a signal looks at it. */
  readonly embedding?: number;
  readonly classes: number;
  /** Microseconds that values of costly inputs take, for the budget. @default nothing */
  readonly inputMicros?: InputMicros;
  /** The pinned state predicts one sample in so many; the status says so. @default 1 */
  readonly pinnedEvery?: number;
  /** Of the bootstraps. */
  readonly seed: number;
  /** For explanations. @default "feature 0" and so on */
  readonly featureNames?: readonly string[];
  /** For explanations. @default "class 0" and so on */
  readonly classNames?: readonly string[];
  /** Where to go on. */
  readonly checkpoint?: DriftMonitorCheckpoint | undefined;
}
