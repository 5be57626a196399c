import type { RetrainingCheckpoint, RetrainingStore } from "./retraining-store.ts";

/** Keeps a retraining that runs in memory: for tests. */
export class MemoryRetrainingStore implements RetrainingStore {
  #latest: RetrainingCheckpoint | null = null;

  save(checkpoint: RetrainingCheckpoint): Promise<void> {
    this.#latest = structuredClone(checkpoint);
    return Promise.resolve();
  }

  latest(): Promise<RetrainingCheckpoint | null> {
    return Promise.resolve(structuredClone(this.#latest));
  }

  forgetTo(step: number): Promise<void> {
    if (this.#latest !== null && this.#latest.step <= step) this.#latest = null;
    return Promise.resolve();
  }
}
