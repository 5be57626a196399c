import { stateBytes, systemClock } from "@everfresh/core";
import { GradientSelfTestError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import { measuringOptimizer } from "../optimizers/natural-gradient.ts";
import { optimizerOf } from "../optimizers/optimizer-of.ts";
import type { RuntimeRequest } from "../runtime/runtime.ts";
import { DataParallelSession } from "./data-parallel-session.ts";
import type { SplitPlan } from "./execution-plan.ts";
import { restoreCheckpoint } from "./restore-checkpoint.ts";
import { momentsLength } from "./running-statistics.ts";
import { TrainingGraphs } from "./training-graphs.ts";
import { createTrainingMemory } from "./training-memory.ts";
import { sampleLength, trainingProgram } from "./training-program.ts";
import type { TrainingOptions, TrainingSession } from "./training-session.ts";
import { type StartTrainingThread, TrainingWorkers } from "./training-workers.ts";

// What kinks were seen to do to single tensors stays below; a wrong gradient differs by about itself.
const KINKS_DEVIATION_MAX = 0.5;

/** Where a session computes. */
export interface TrainingPlace {
  readonly split: SplitPlan;
  readonly runtime: RuntimeRequest;
  /** Channels per block of ONNX Runtime's internal layout, where it has it. @default null */
  readonly block?: number | null;
  /** Makes the memory that the session and its workers know. */
  readonly allocate: (bytes: number) => ArrayBufferLike;
  readonly startThread: StartTrainingThread;
}

/** Starts to train a model in workers, whatever kind of threads those are. */
export async function startTraining(
  model: Model,
  options: TrainingOptions,
  { split, runtime, block = null, allocate, startThread }: TrainingPlace,
): Promise<TrainingSession> {
  const { batchSize, loss, checkpoint, seed = 0, measureGradient = false } = options;
  const count = split.workers;
  const formulations = options.plan?.formulations ?? {};
  const serial = split.threadsPerWorker === 1 && (runtime.provider ?? "cpu") === "cpu";
  const stepOptions = { block, formulations, serial, ...(loss === undefined ? {} : { loss }) };
  const program = trainingProgram(model, { batchSize, workers: count, ...stepOptions });
  const plainOptimizer = optimizerOf(options.optimizer);
  const optimizer = measureGradient ? measuringOptimizer(plainOptimizer) : plainOptimizer;
  checkSeed(seed);
  const { layout } = program;
  const sizes = {
    workers: count,
    batchSize,
    sampleLength: sampleLength(program.input),
    target: program.step.target,
    optimizerSlots: optimizer.slots.length,
    momentsLength: momentsLength(program.step.outputs.moments, layout),
  };
  const memory = createTrainingMemory(layout, sizes, allocate);
  const start = checkpoint ?? { state: stateBytes(model.state), optimizer: new Uint8Array(0) };
  const optimizerStep = restoreCheckpoint(start, { layout, optimizer, memory });
  const { workers, report } = await TrainingWorkers.open(
    {
      workers: count,
      threads: split.threadsPerWorker,
      runtime,
      program,
      optimizer: options.optimizer,
      measuresGradient: measureGradient,
      seed,
      memory,
    },
    startThread,
  );
  const graphs = new TrainingGraphs(model, program, stepOptions, count);
  if (options.selfTest ?? graphs.usesInternalOperators) await checkGradients(workers, graphs);
  return new DataParallelSession({
    plan: { ...report, ...split, block, formulations },
    program,
    graphs,
    batchSize,
    memory,
    workers,
    optimizer,
    measuresGradient: measureGradient,
    optimizerStep,
    clock: systemClock,
  });
}

/**
 * One value on the other side of a Relu's edge moves gradients of an ill-conditioned network by some
 * percent; a wrong formulation is far off without such edges too.
 *
 * @throws GradientSelfTestError, and ends the workers, when the gradients are wrong on this machine
 */
async function checkGradients(workers: TrainingWorkers, graphs: TrainingGraphs): Promise<void> {
  try {
    const report = await workers.selfTest(null, graphs.reference());
    if (report.passed) return;
    const { candidate, reference } = graphs.withoutKinks();
    const smooth = await workers.selfTest(candidate, reference);
    if (smooth.passed && report.deviation <= KINKS_DEVIATION_MAX) return;
    const { worst, deviation } = smooth.passed ? report : smooth;
    throw new GradientSelfTestError(worst, deviation);
  } catch (error) {
    await workers.end();
    throw error;
  }
}

/** @throws RangeError unless the seed is one that masks can be drawn with */
function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`seed must be a whole number from 0 to 2^53 - 1, got ${seed}`);
  }
}
