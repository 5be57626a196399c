import { type Clock, stateOn } from "@everfresh/core";
import {
  type ExecutionPlan,
  openTrainingSession,
  sgd,
  type TrainingCheckpoint,
  type TrainingSession,
} from "@everfresh/engine";
import {
  gradientTraining,
  type Sparsifier,
  sparsifierOf,
  type TrainerCheckpoint,
  type TrainerOptions,
} from "@everfresh/learn";
import type { UpdateLog } from "@everfresh/sync/node";
import type { Deployment } from "../config/deployment.ts";
import type { ResolvedModel } from "../config/resolve-model.ts";
import { gradientSpecOf } from "../config/sparse-gradients.ts";
import { optimizerOfRun } from "./warm-up.ts";

/** What moves θ, and what chooses which part of that is deployed. */
export interface Training extends AsyncDisposable {
  readonly plan: ExecutionPlan;
  readonly session: TrainerOptions["session"];
  readonly sparsifier: Sparsifier;
}

/** Options of {@link openTraining}. */
export interface OpenTrainingOptions {
  readonly resolved: ResolvedModel;
  readonly deploy: Deployment;
  readonly log: Pick<UpdateLog, "rollbacks">;
  readonly seed: number;
  /** Steps over which the learning rate rises at first, as recorded; 0 where it does not. */
  readonly warmUpSteps: number;
  readonly clock: Clock;
  readonly plan: Partial<ExecutionPlan>;
  /** Samples per step, the most that there will be. */
  readonly batchSize: number;
  /** Where training goes on; null for a fresh start. */
  readonly checkpoint: TrainerCheckpoint | null;
}

/**
 * Opens training where a run goes on, also after a rollback that reset the optimizer or cleared the
 * memory of gradients.
 * @throws LearnOptionError for an optimizer that the deployment cannot work with
 */
export async function openTraining(options: OpenTrainingOptions): Promise<Training> {
  const { resolved, deploy, log, checkpoint } = options;
  const { model } = resolved;
  const isReset = checkpoint?.training.optimizer.byteLength === 0;
  const state = isReset
    ? stateOn(model.state.layout, new Uint8Array(checkpoint.training.state).buffer)
    : model.state;
  const start: Start = {
    model: { ...model, state },
    optimizer: optimizerOfRun(resolved.definition.optimizer, {
      warmUpSteps: options.warmUpSteps,
      rollbacks: await log.rollbacks(),
      version: checkpoint?.version ?? 0,
    }),
    checkpoint: isReset ? undefined : checkpoint?.training,
  };
  return deploy.kind === "sparse"
    ? trainingByWeights(options, deploy, start)
    : trainingByGradients(options, deploy, start);
}

/** Where training starts, and with which optimizer. */
interface Start {
  readonly model: ResolvedModel["model"];
  readonly optimizer: ResolvedModel["definition"]["optimizer"];
  readonly checkpoint: TrainingCheckpoint | undefined;
}

async function trainingByWeights(
  options: OpenTrainingOptions,
  { sparsifier }: Extract<Deployment, { kind: "sparse" }>,
  start: Start,
): Promise<Training> {
  const session = await openSession(options, start);
  return {
    plan: session.plan,
    session,
    sparsifier: sparsifierOf(sparsifier, { seed: options.seed }),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

async function trainingByGradients(
  options: OpenTrainingOptions,
  { gradients }: Extract<Deployment, { kind: "sparseGradients" }>,
  { checkpoint, optimizer, model }: Start,
): Promise<Training> {
  const { seed, clock } = options;
  const spec = gradientSpecOf(gradients, optimizer);
  // The engine's own optimizer stays unused: this one remembers nothing.
  const engine = await openSession(options, {
    model,
    optimizer: sgd({ learningRate: 1 }),
    checkpoint: undefined,
  });
  try {
    const resume = checkpoint === undefined ? {} : { checkpoint };
    return {
      plan: engine.plan,
      ...gradientTraining(engine, spec, { clock, seed, ...resume }),
      [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
    };
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

function openSession(
  { seed, plan, batchSize, resolved }: OpenTrainingOptions,
  { model, optimizer, checkpoint }: Start,
): Promise<TrainingSession> {
  const resume = checkpoint === undefined ? {} : { checkpoint };
  const { signals = [] } = resolved.drift?.spec ?? {};
  const measureGradient = signals.some(({ input }) => input === "gradient");
  const how = { optimizer, batchSize, seed, plan, measureGradient };
  return openTrainingSession(model, { ...how, ...resume });
}
