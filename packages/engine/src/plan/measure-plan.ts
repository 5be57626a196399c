import { availableParallelism } from "node:os";
import { Random, sizeOf } from "@everfresh/core";
import { usesBatchStatistics } from "../autodiff/training-mode.ts";
import { trainingStep } from "../autodiff/training-step.ts";
import type { TargetSpec } from "../losses/loss.ts";
import type { Model } from "../models/model.ts";
import type { BatchNormMode, ExecutionPlan } from "../sessions/execution-plan.ts";
import { openTrainingSession } from "../sessions/open-training-session.ts";
import type { TrainingBatch, TrainingOptions } from "../sessions/training-session.ts";

/** How to measure. */
export interface PlanMeasurementOptions extends Pick<TrainingOptions, "batchSize" | "loss"> {
  /** Whose steps are timed. */
  readonly optimizer: TrainingOptions["optimizer"];
  /** Leaves out plans that normalise otherwise. @default both may be chosen */
  readonly batchNorm?: BatchNormMode;
  /** About how long to measure in all, in milliseconds; a step of each plan is always timed. @default 3000 */
  readonly budgetMs?: number;
}

/** What a plan takes. */
export interface MeasuredPlan {
  /** Plain data: keep it to train the same way again. */
  readonly plan: ExecutionPlan;
  /** The fastest of the timed steps, in milliseconds. */
  readonly stepMs: number;
}

/** More steps than this do not make the fastest of them much faster. */
const STEPS_MAX = 12;

/**
 * Times training steps of a model under every way to split its batches over this machine's cores:
 * several workers of one thread, and one worker of several threads.
 * @returns the plans, the fastest first
 * @throws what openTrainingSession() throws
 */
export async function measurePlan(
  model: Model,
  options: PlanMeasurementOptions,
): Promise<readonly [MeasuredPlan, ...MeasuredPlan[]]> {
  const { batchSize, optimizer, loss, budgetMs = 3000 } = options;
  const splits = splitsOf(model, options);
  const [first, ...others] = splits;
  const lossOption = loss === undefined ? {} : { loss };
  const { target } = trainingStep(model, { batchSize: 1, ...lossOption });
  const batch = randomBatch(model, target, batchSize);
  const measure = async (plan: Partial<ExecutionPlan>): Promise<MeasuredPlan> => {
    const settings = { batchSize, optimizer, ...lossOption, plan, selfTest: false };
    const deadlineMs = performance.now() + budgetMs / splits.length;
    await using session = await openTrainingSession(model, settings);
    let stepMs = Infinity;
    // The first step finds memory and code untouched.
    await session.step(batch);
    for (let i = 0; i < STEPS_MAX && (i === 0 || performance.now() < deadlineMs); i++) {
      const startedMs = performance.now();
      await session.step(batch);
      stepMs = Math.min(stepMs, performance.now() - startedMs);
    }
    return { plan: session.plan, stepMs };
  };
  const measured: [MeasuredPlan, ...MeasuredPlan[]] = [await measure(first)];
  for (const plan of others) measured.push(await measure(plan));
  return measured.sort((a, b) => a.stepMs - b.stepMs);
}

type Split = Partial<ExecutionPlan>;

function splitsOf(
  model: Model,
  { batchNorm }: PlanMeasurementOptions,
): readonly [Split, ...Split[]] {
  const cores = availableParallelism();
  const workers: Split = { workers: cores, threadsPerWorker: 1 };
  const threads: Split = { workers: 1, threadsPerWorker: cores };
  if (!usesBatchStatistics(model.graph)) return cores === 1 ? [threads] : [workers, threads];
  const shard: Split = { ...workers, batchNorm: "shard" };
  const exact: Split = { ...threads, batchNorm: "exact" };
  if (batchNorm !== undefined) return batchNorm === "shard" ? [shard] : [exact];
  return cores === 1 ? [exact] : [shard, exact];
}

/** Numbers from 0 to 1, which are good as ids too. */
function randomBatch({ input }: Model, target: TargetSpec, size: number): TrainingBatch {
  const random = new Random(0);
  const floats = (length: number): Float32Array =>
    Float32Array.from({ length }, () => random.float());
  return {
    inputs: floats(size * sizeOf(input.shape)),
    targets:
      target.kind === "classIndex"
        ? Int32Array.from({ length: size }, (_, i) => i % target.classes)
        : floats(size * sizeOf(target.shape)),
    size,
  };
}
