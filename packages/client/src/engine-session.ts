import type { Features, Preprocessing, Update } from "@everfresh/core";
import type { InferenceSession, VersionedState } from "@everfresh/engine";
import {
  type Manifest,
  type Prediction,
  type Runtime,
  type RuntimeSession,
  type Snapshot,
  type StateName,
  stateOfSnapshot,
} from "@everfresh/sync";

import { TooManyPredictionsError } from "./errors.ts";

/** Predictions that may wait: half of what the engine takes, so that updates always find room. */
export const PREDICTIONS_WAITING_MAX = 512;

/** Opens a model for predictions from raw features, with a state of its own. */
export type OpenSession = (
  onnx: Uint8Array,
  initial: VersionedState,
  preprocessing: Preprocessing,
) => Promise<InferenceSession>;

/** A replica's runtime that opens an inference session per model. */
export function sessionRuntime(open: OpenSession): Runtime {
  return {
    async load(manifest, snapshot) {
      const { graph, preprocessing } = manifest;
      const inference = await open(graph, versioned(manifest, snapshot), preprocessing);
      return new EngineSession(manifest, inference);
    },
  };
}

class EngineSession implements RuntimeSession {
  readonly #manifest: Manifest;
  readonly #inference: InferenceSession;
  #waiting = 0;

  constructor(manifest: Manifest, inference: InferenceSession) {
    this.#manifest = manifest;
    this.#inference = inference;
  }

  async predict(features: Features, size: number): Promise<Prediction> {
    if (this.#waiting >= PREDICTIONS_WAITING_MAX) throw new TooManyPredictionsError(this.#waiting);
    this.#waiting++;
    try {
      return await this.#inference.predict(features, size);
    } finally {
      this.#waiting--;
    }
  }

  apply(update: Update): Promise<StateName> {
    return this.#inference.apply(update);
  }

  async replace(snapshot: Snapshot): Promise<StateName> {
    return this.#inference.replace(versioned(this.#manifest, snapshot));
  }

  scrub(): Promise<void> {
    return this.#inference.scrub();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inference[Symbol.asyncDispose]();
  }
}

function versioned(manifest: Manifest, snapshot: Snapshot): VersionedState {
  const { version, fingerprint } = snapshot;
  return { state: stateOfSnapshot(manifest.layout, snapshot), version, fingerprint };
}
