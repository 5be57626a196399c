import { openTrainingSession, type OptimizerSpec, type TrainingSession } from "@everfresh/engine";
import type { SeedRun } from "./seed-run.ts";

/** Training workers: fixed, so that a seed comes to the same bits on machines with more cores. */
const WORKERS = 2;

/** A session for the model of a seed, which begins with the model's own weights. */
export function openSeedSession(
  { model, experiment, seed }: Pick<SeedRun, "model" | "experiment" | "seed">,
  optimizer: OptimizerSpec,
): Promise<TrainingSession> {
  const { batchSize } = experiment;
  return openTrainingSession(model, { optimizer, batchSize, seed, plan: { workers: WORKERS } });
}
