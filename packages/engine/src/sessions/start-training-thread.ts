import type { TrainingRequest } from "./training-protocol.ts";
import type { StartTrainingThread } from "./training-workers.ts";
import { WorkerThread } from "./worker-thread.ts";

// TypeScript rewrites import paths when it builds, but not this one.
const ENTRY = new URL(
  import.meta.url.endsWith(".ts") ? "./training.worker.ts" : "./training.worker.js",
  import.meta.url,
);

/** Starts a training worker in a thread of Node. */
export const startTrainingThread: StartTrainingThread = (setup, onCrash) =>
  new WorkerThread<TrainingRequest, unknown>(ENTRY, setup, onCrash);
