import type { Continuation } from "./continuation.ts";

/** Seconds that a row took, by what they went into; waiting for other processes included. */
export interface RowCost {
  readonly preprocessing: number;
  /** Steps of the optimizer. */
  readonly training: number;
  /** Predictions: on the stream and on the test set. */
  readonly evaluation: number;
  /** Choosing what an update carries, statistics of BatchNormalization included. */
  readonly selection: number;
  /** Writing updates down. */
  readonly encoding: number;
}

/** Where a row was after some samples of the stream. */
export interface CurvePoint {
  readonly samples: number;
  /** Accuracy on all of them, each tested before it was learned. */
  readonly accuracy: number;
}

/** What one row came to with one seed. */
export interface RowResult {
  /** As in the matrix: see rowName(). */
  readonly name: string;
  readonly strategy: "frozen" | "online" | "fullRetraining" | "proactive";
  /** What is made sparse: gradients before the step, or the change of weights after it. */
  readonly mode: "gradients" | "weights" | null;
  readonly selector: "topK" | "randomK" | "qsgd" | "average" | null;
  /** Share of the entries; null where all are sent. */
  readonly ratio: number | null;
  /** New samples per iteration; null where new samples trigger nothing. */
  readonly triggerSize: number | null;
  /** How the optimizer went on after the initial training, where that was not as in the paper. */
  readonly continuation?: Continuation;
  readonly seed: number;
  /** Of the stream, each sample tested before it was learned; null where none was tested so. */
  readonly cumulativeAccuracy: number | null;
  /** On the whole test set, after the stream. */
  readonly finalTestAccuracy: number;
  /** Mean on the test set at 80, 85, 90, 95 and 100 % of the stream; null without such tests. */
  readonly lastCheckpointsAccuracy: number | null;
  /** Those that it is the mean of, or the last one alone. */
  readonly checkpointAccuracies: readonly number[];
  /**
   * The same of copies with BatchNormalization, had their statistics been estimated anew just then;
   * empty without.
   */
  readonly recalibratedAccuracies?: readonly number[];
  /** Seconds in steps of the optimizer; the initial training is not in it. */
  readonly trainSeconds: number;
  /** Steps of the optimizer; the initial training is not in it. */
  readonly steps: number;
  /** Samples trained on, each as often as it was; those of the initial training are not in it. */
  readonly samplesTrained: number;
  /** Updates that replicas would have got. */
  readonly updates: number;
  /** Mean number of entries chosen: of gradients in mode "gradients", otherwise of weights. */
  readonly entriesPerUpdate: number | null;
  /**
   * Mean length of what makes a replica the same as the row's state, all headers and statistics of
   * BatchNormalization included.
   */
  readonly bytesPerUpdate: number | null;
  /** Mean number of weights that really changed. */
  readonly changedPerUpdate: number | null;
  readonly cost: RowCost;
  readonly curve: readonly CurvePoint[];
  /** Accuracy in each 1,000 samples of the stream, one after another. */
  readonly windows: readonly number[];
}

/** Samples of a window of {@link RowResult.windows}. */
export const WINDOW_SAMPLES = 1_000;
