/** A sample as it arrives, with what the pinned model says about it. */
export interface PredictedObservation {
  /** Its number among all samples that are predicted; above that of the one before. */
  readonly sequence: number;
  /** When it happened, in milliseconds since the Unix epoch; NaN where that is not known. */
  readonly eventTimeMs: number;
  /** Version that is deployed now; only for records. */
  readonly version: number;
  /** Its features as the model gets them. */
  readonly features: ArrayLike<number>;
  /** How many of its features were missing as it came. @default those that are no numbers now */
  readonly missing?: number;
  /** Of the classes, by the pinned state; empty where that did not predict this sample. */
  readonly probabilities: ArrayLike<number>;
  /** What a layer of the pinned state made of it. */
  readonly embedding?: ArrayLike<number>;
  /** How badly an auto-encoder did on it. */
  readonly reconstruction?: number;
  /** Probabilities by several models of one ensemble, or with dropout. */
  readonly members?: readonly ArrayLike<number>[];
}

/** The label of a sample that was predicted before, whenever it comes. */
export interface LabelledObservation {
  readonly sequence: number;
  /** Index of the class. */
  readonly label: number;
  /** By the pinned state, as they were when the sample was predicted; empty where it was not. */
  readonly probabilities: ArrayLike<number>;
  /** The same by the deployed state; empty where that is not known. */
  readonly deployedProbabilities: ArrayLike<number>;
}
