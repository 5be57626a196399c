import { availableParallelism } from "node:os";
import { usesBatchStatistics } from "../autodiff/training-mode.ts";
import type { Model } from "../models/model.ts";
import { probeBlockedLayout } from "../plan/blocked-probe.ts";
import { loadRuntime, requestedRuntime } from "../runtime/load-runtime.ts";
import { splitPlan } from "./execution-plan.ts";
import { startTraining } from "./start-training.ts";
import { startTrainingThread } from "./start-training-thread.ts";
import type { TrainingOptions, TrainingSession } from "./training-session.ts";

/**
 * Starts to train a model in worker threads, so that this thread stays free. The data of every batch
 * is split over the workers, each with a session of ONNX Runtime of its own: that is faster than one
 * session with many threads.
 * @throws RuntimeUnavailableError when ONNX Runtime does not load
 * @throws UnsupportedOperatorError and the other errors of the training step's graphs
 * @throws GradientSelfTestError when that was asked for and fails
 * @throws CorruptCheckpointError, CheckpointMismatchError when the checkpoint is damaged or foreign
 */
export async function openTrainingSession(
  model: Model,
  options: TrainingOptions,
): Promise<TrainingSession> {
  const { batchSize, plan = {} } = options;
  const split = splitPlan(plan, {
    batchSize,
    batchStatistics: usesBatchStatistics(model.graph),
    cores: availableParallelism(),
  });
  const runtime = requestedRuntime(process.env, plan);
  const block = plan.block === null ? null : await probeBlockedLayout(await loadRuntime(runtime));
  return startTraining(model, options, {
    split,
    runtime,
    block,
    allocate: (bytes) => new SharedArrayBuffer(bytes),
    startThread: startTrainingThread,
  });
}
