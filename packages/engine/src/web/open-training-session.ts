import { usesBatchStatistics } from "../autodiff/training-mode.ts";
import type { Model } from "../models/model.ts";
import { splitPlan } from "../sessions/execution-plan.ts";
import { startTraining } from "../sessions/start-training.ts";
import type { TrainingSession } from "../sessions/training-session.ts";
import { MirroredThread } from "./mirrored-thread.ts";
import { startWebWorker } from "./start-web-worker.ts";
import { type MirroredRequest, workerOnlyMemory } from "./training-mirror.ts";
import {
  absolutePaths,
  checkThreads,
  checkWebPlan,
  type WebTrainingOptions,
} from "./web-options.ts";

/**
 * Starts to train a model in a Web Worker, so that the page stays responsive. The session is the same
 * as in Node, and so are its checkpoints; θ is in the page's own memory, which every step brings up to
 * date.
 * @throws RuntimeUnavailableError when the WebAssembly does not load, or the browser lacks what is asked
 * @throws RangeError when more than one worker is asked for
 * @throws UnsupportedOperatorError and the other errors of the training step's graphs
 * @throws GradientSelfTestError when that was asked for and fails
 * @throws CorruptCheckpointError, CheckpointMismatchError when the checkpoint is damaged or foreign
 */
export async function openTrainingSession(
  model: Model,
  options: WebTrainingOptions,
): Promise<TrainingSession> {
  const { batchSize, plan = {} } = options;
  checkWebPlan(plan);
  const split = splitPlan(
    { ...plan, workers: 1 },
    { batchSize, batchStatistics: usesBatchStatistics(model.graph), cores: 1 },
  );
  const threads = split.threadsPerWorker;
  checkThreads(threads, crossOriginIsolated);
  const { provider = "cpu" } = plan;
  const wasmPaths = absolutePaths(options.wasmPaths, location.href);
  return startTraining(model, options, {
    split,
    runtime: { backend: "wasm", provider },
    allocate: (bytes) => new ArrayBuffer(bytes),
    startThread: (training, onCrash) => {
      const setup = { kind: "training", training, threads, wasmPaths } as const;
      const thread = startWebWorker<MirroredRequest>(
        provider,
        setup,
        onCrash,
        workerOnlyMemory(training.memory),
      );
      return new MirroredThread(thread, training.memory);
    },
  });
}
