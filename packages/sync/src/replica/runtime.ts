import type { Features, Fingerprint, Update } from "@everfresh/core";

import type { Manifest, Snapshot } from "../manifest.ts";

/** Which state this is. */
export interface StateName {
  readonly version: number;
  readonly fingerprint: Fingerprint;
}

/** Raw outputs for a batch, and the one state that computed all of them. */
export interface Prediction extends StateName {
  /** Logits, samples one after another. */
  readonly outputs: Float32Array;
}

/** What executes a model. The replica decides what to execute; this only obeys. */
export interface Runtime {
  /**
   * Makes a model ready to serve from a snapshot.
   * @throws FingerprintMismatchError or ShapeError when the snapshot is not what it says
   */
  load(manifest: Manifest, snapshot: Snapshot): Promise<RuntimeSession>;
}

/**
 * A model that is ready to serve. Changes take effect in the order in which they are made; a
 * prediction may come from a version shortly before the newest, and says from which.
 */
export interface RuntimeSession extends AsyncDisposable {
  /**
   * Outputs for `size` samples, all under the same state: weights, and the statistics by which the
   * manifest's preprocessing transforms their raw features.
   * @param features raw, samples one after another
   */
  predict(features: Features, size: number): Promise<Prediction>;
  /**
   * Makes the change of an update, whole, between two predictions; or rejects, having changed
   * nothing.
   * @throws VersionGapError, FingerprintMismatchError, ValueRangeError or ShapeError
   */
  apply(update: Update): Promise<StateName>;
  /**
   * Takes a snapshot's values instead of its own, whole, between two predictions; or rejects,
   * having changed nothing.
   * @throws FingerprintMismatchError or ShapeError
   */
  replace(snapshot: Snapshot): Promise<StateName>;
  /**
   * Checks every word of the state against its fingerprint, in parts of at most 5 ms between which
   * predictions and updates go on; to find corruption that no update touches.
   * @throws FingerprintMismatchError when the state is not what it was
   */
  scrub?(): Promise<void>;
}
