import type { Update } from "@everfresh/core";
import { type InferenceOptions, type InferenceSession, openInference } from "@everfresh/engine";
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
const PREDICTIONS_WAITING_MAX = 512;

/** The engine as a replica's runtime: worker threads of its own per model, which own its state. */
export function engineRuntime(options: InferenceOptions = {}): Runtime {
  return {
    async load(manifest, snapshot) {
      const initial = versioned(manifest, snapshot);
      return new EngineSession(manifest, await openInference(manifest.graph, initial, options));
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

  async predict(inputs: Float32Array, size: number): Promise<Prediction> {
    if (this.#waiting >= PREDICTIONS_WAITING_MAX) throw new TooManyPredictionsError(this.#waiting);
    this.#waiting++;
    try {
      return await this.#inference.predict(inputs, size);
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inference[Symbol.asyncDispose]();
  }
}

function versioned(manifest: Manifest, snapshot: Snapshot): Parameters<typeof openInference>[1] {
  const { version, fingerprint } = snapshot;
  return { state: stateOfSnapshot(manifest.layout, snapshot), version, fingerprint };
}
