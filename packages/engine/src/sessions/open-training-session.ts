import { availableParallelism } from "node:os";
import { systemClock } from "@everfresh/core";
import { CheckpointMismatchError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import { decodeOptimizerState } from "../optimizers/optimizer-bytes.ts";
import { optimizerOf } from "../optimizers/optimizer-of.ts";
import { requestedBackend } from "../runtime/load-runtime.ts";
import { DataParallelSession } from "./data-parallel-session.ts";
import { defaultWorkers, WORKERS_MAX } from "./execution-plan.ts";
import { createTrainingMemory } from "./training-memory.ts";
import { sampleLength, trainingProgram } from "./training-program.ts";
import type { TrainingOptions, TrainingSession } from "./training-session.ts";
import { TrainingWorkers } from "./training-workers.ts";

/**
 * Starts to train a model in worker threads, so that this thread stays free. The data of every batch
 * is split over the workers, each with a session of ONNX Runtime of its own: that is faster than one
 * session with many threads.
 * @throws RuntimeUnavailableError when ONNX Runtime does not load
 * @throws UnsupportedOperatorError and the other errors of {@link trainingProgram}'s graphs
 * @throws CorruptCheckpointError, CheckpointMismatchError when the checkpoint is damaged or foreign
 */
export async function openTrainingSession(
  model: Model,
  options: TrainingOptions,
): Promise<TrainingSession> {
  const { batchSize, loss, checkpoint, plan = {} } = options;
  checkWhole("batchSize", batchSize);
  const asked = plan.workers ?? defaultWorkers(availableParallelism());
  checkWhole("plan.workers", asked, WORKERS_MAX);
  const threads = plan.threadsPerWorker ?? 1;
  checkWhole("plan.threadsPerWorker", threads);
  // A worker without a sample in any batch would only wait.
  const count = Math.min(asked, batchSize);
  const backend = plan.backend ?? requestedBackend(process.env);
  const lossOption = loss === undefined ? {} : { loss };
  const program = trainingProgram(model, { batchSize, workers: count, ...lossOption });
  const optimizer = optimizerOf(options.optimizer);
  const { layout } = program;
  const memory = createTrainingMemory(layout, {
    workers: count,
    batchSize,
    sampleLength: sampleLength(program.input),
    target: program.step.target,
    optimizerSlots: optimizer.slots.length,
  });
  const optimizerState = { step: 0, slots: memory.slots };
  if (checkpoint !== undefined) {
    decodeOptimizerState(checkpoint.optimizer, optimizer, optimizerState, layout.parameterCount);
  }
  const stateBytes = checkpoint?.state ?? new Uint8Array(model.state.buffer);
  if (stateBytes.length !== layout.byteLength) {
    throw new CheckpointMismatchError("state bytes", layout.byteLength, stateBytes.length);
  }
  new Uint8Array(memory.state).set(stateBytes);
  const { workers, report } = await TrainingWorkers.open({
    workers: count,
    threads,
    backend,
    program,
    optimizer: options.optimizer,
    memory,
  });
  return new DataParallelSession({
    plan: { ...report, workers: count, threadsPerWorker: threads },
    program,
    batchSize,
    memory,
    workers,
    optimizer,
    optimizerStep: optimizerState.step,
    clock: systemClock,
  });
}

function checkWhole(name: string, value: number, max: number = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > max) {
    throw new RangeError(`${name} must be a whole number from 1 to ${max}, got ${value}`);
  }
}
