import type { CheckpointStore, TrainerCheckpoint } from "./checkpoint-store.ts";

/** Keeps the last checkpoint in memory: for tests, and for runs that need not survive their process. */
export class MemoryCheckpointStore implements CheckpointStore {
  #latest: TrainerCheckpoint | null = null;

  save(checkpoint: TrainerCheckpoint): Promise<void> {
    this.#latest = structuredClone(checkpoint);
    return Promise.resolve();
  }

  latest(): Promise<TrainerCheckpoint | null> {
    return Promise.resolve(structuredClone(this.#latest));
  }
}
