import { stateOn } from "@everfresh/core";
import { type ExecutionPlan, openTrainingSession, type TrainingSession } from "@everfresh/engine";
import type { TrainerCheckpoint } from "@everfresh/learn";
import type { UpdateLog } from "@everfresh/sync/node";
import type { ResolvedModel } from "../config/resolve-model.ts";
import { optimizerAfter } from "./rewarm.ts";

/** Options of {@link openSession}. */
export interface OpenSessionOptions {
  readonly resolved: ResolvedModel;
  readonly log: UpdateLog;
  readonly seed: number;
  readonly plan: Partial<ExecutionPlan>;
  /** Where training goes on; null for a fresh start. */
  readonly checkpoint: TrainerCheckpoint | null;
}

/** Opens a training session where a run goes on, also after a rollback that reset the optimizer. */
export async function openSession(options: OpenSessionOptions): Promise<TrainingSession> {
  const { resolved, log, seed, plan, checkpoint } = options;
  const { definition, model } = resolved;
  const { optimizer, strategy } = definition;
  const isReset = checkpoint?.training.optimizer.byteLength === 0;
  const state = isReset
    ? stateOn(model.state.layout, new Uint8Array(checkpoint.training.state).buffer)
    : model.state;
  return openTrainingSession(
    { ...model, state },
    {
      optimizer: optimizerAfter(optimizer, await log.rollbacks(), checkpoint?.version ?? 0),
      batchSize: strategy.batchSize,
      seed,
      plan,
      ...(checkpoint === null || isReset ? {} : { checkpoint: checkpoint.training }),
    },
  );
}
