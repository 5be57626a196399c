import type { Features, Fingerprint, ModelState, Preprocessing, Update } from "@everfresh/core";
import type { Provider, RuntimeReport } from "../runtime/runtime.ts";

/** A state together with what identifies it. */
export interface VersionedState {
  readonly state: ModelState;
  readonly version: number;
  readonly fingerprint: Fingerprint;
}

/** Which state something was done with. */
export type StateVersion = Pick<VersionedState, "version" | "fingerprint">;

/**
 * How updates reach predictions. "patch": the weights are inputs of the graph and change in place; the
 * next prediction sees an update. "bake": the weights are constants of a graph that is made anew in a
 * second thread while the first one answers; predictions are as fast as those of a model that never
 * changes, and see an update a little later.
 */
export type InferenceMode = "patch" | "bake";

/** How to run predictions. */
export interface InferenceOptions {
  /** Threads of ONNX Runtime. @default 1 */
  readonly threads?: number;
  /**
   * How updates reach predictions. "auto" measures both ways while it opens and takes "patch" unless
   * that is more than 5 % slower. @default "auto"
   */
  readonly mode?: InferenceMode | "auto";
  /** Samples per prediction of that measurement, from 1 to 256. @default 1 */
  readonly measuredSize?: number;
  /**
   * The least time from one bake to the next, in milliseconds.
   * @default 20 times what a bake takes, at least 50, and so short that freshness stays within 1,000
   *   where a bake does not take more than a third of that
   */
  readonly bakeEveryMs?: number;
  /**
   * What makes the graph's inputs of what predictions are given, by the statistics that it has in the
   * state that answers. @default nothing: predictions are given the inputs
   */
  readonly preprocessing?: Preprocessing;
  /** What computes. @default the environment variable EVERFRESH_PROVIDER, else "cpu" */
  readonly provider?: Provider;
}

/** Outputs for some samples, and the state that gave them. */
export interface Prediction extends StateVersion {
  /** [size, outputs]: logits for a classifier. */
  readonly outputs: Float32Array;
  /** How long ONNX Runtime computed, in milliseconds. */
  readonly runMs: number;
}

/**
 * A live copy of a model's deployed state that answers predictions. Updates and snapshots take effect
 * strictly in the order of the calls, each as a whole: a prediction comes from exactly one version,
 * and never from an older one than the prediction before it.
 */
export interface InferenceSession extends AsyncDisposable {
  readonly mode: InferenceMode;
  /**
   * How long after {@link InferenceSession.apply} has resolved predictions may still come from an
   * earlier version, in milliseconds: 0 in mode "patch"; the time between two bakes plus the slowest
   * of the last bakes in mode "bake".
   */
  readonly freshnessMs: number;
  /** Which ONNX Runtime computes. */
  readonly runtime: RuntimeReport;
  /**
   * The model's outputs for `size` samples, one after another: raw features where the session has a
   * preprocessing, which transforms them by the statistics of the very state that answers; otherwise
   * the graph's inputs, float32. Rejects with ShapeError when they do not fit, and with ValueRangeError
   * for a missing number that no step of the preprocessing replaces.
   */
  predict(features: Features, size: number): Promise<Prediction>;
  /**
   * Applies an update; resolves with the new version. Rejects as DeployedState.apply throws, with the
   * state untouched.
   */
  apply(update: Update): Promise<StateVersion>;
  /**
   * Takes another state of the same layout at any version; resolves when predictions come from it.
   * Rejects with FingerprintMismatchError or ShapeError, the state untouched, when it is not what it
   * says or does not fit.
   */
  replace(snapshot: VersionedState): Promise<StateVersion>;
  /**
   * Checks every word of the state against its fingerprint, in slices of half a million words between
   * which calls are answered; finds corruption that no update touches. In mode "bake" it also bakes
   * anew, unless that was done meanwhile: nobody can read the constants inside ONNX Runtime. Rejects
   * with FingerprintMismatchError when the state is not what it was; replace the session then.
   */
  scrub(): Promise<void>;
}
