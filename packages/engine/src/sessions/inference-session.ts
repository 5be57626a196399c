import type { Fingerprint, ModelState, Update } from "@everfresh/core";

/** A state together with what identifies it. */
export interface VersionedState {
  readonly state: ModelState;
  readonly version: number;
  readonly fingerprint: Fingerprint;
}

/** Which state something was done with. */
export type StateVersion = Pick<VersionedState, "version" | "fingerprint">;

/** How to run predictions. */
export interface InferenceOptions {
  /** Threads of ONNX Runtime. @default 1 */
  readonly threads?: number;
}

/** Outputs for some samples, and the state that gave them. */
export interface Prediction extends StateVersion {
  /** [size, outputs]: logits for a classifier. */
  readonly outputs: Float32Array;
}

/**
 * A live copy of a model's deployed state that answers predictions. Calls take effect strictly in
 * their order, each as a whole: a prediction sees exactly one version.
 */
export interface InferenceSession extends AsyncDisposable {
  /** The model's outputs for `size` samples. Rejects with ShapeError when they do not fit. */
  predict(inputs: Float32Array, size: number): Promise<Prediction>;
  /**
   * Applies an update; resolves with the new version. Rejects as DeployedState.apply throws, with the
   * state untouched.
   */
  apply(update: Update): Promise<StateVersion>;
  /**
   * Takes another state of the same layout at any version. Rejects with FingerprintMismatchError or
   * ShapeError, the state untouched, when it is not what it says or does not fit.
   */
  replace(snapshot: VersionedState): Promise<StateVersion>;
}
