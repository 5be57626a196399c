import { type DeployedState, Random, streamOf } from "@everfresh/core";
import {
  excluding,
  type PositionRange,
  type Publisher,
  samplerForBuffers,
  type TrainerCheckpoint,
  type TrainerOptions,
  uniformSampler,
} from "@everfresh/learn";
import type { Deployment } from "../config/deployment.ts";
import type { ResolvedModel } from "../config/resolve-model.ts";
import type { RunRecord } from "../state/state-directory.ts";
import type { Stores } from "./open-stores.ts";
import type { RunModelOptions } from "./run-options.ts";
import type { Training } from "./training.ts";

/** What {@link loopOptions} puts together. */
export interface Loop {
  readonly run: Pick<RunModelOptions, "clock" | "samplesPerSecond">;
  readonly resolved: ResolvedModel;
  readonly deploy: Deployment;
  readonly record: RunRecord;
  readonly stores: Stores;
  readonly training: Training;
  readonly deployed: DeployedState;
  readonly publisher: Publisher;
  /** Where training goes on; null for a fresh start. */
  readonly checkpoint: TrainerCheckpoint | null;
  readonly signal: AbortSignal;
  /** Called when a step is done, before what it deploys is chosen. */
  readonly onStepDone: () => void;
}

/** The options of a run's training loop. Samples that a rollback excluded are not drawn for anything. */
export async function loopOptions(loop: Loop): Promise<TrainerOptions> {
  const { resolved, deploy, record, stores, training, deployed, publisher, checkpoint } = loop;
  const { clock, samplesPerSecond } = loop.run;
  const { definition, model, source } = resolved;
  const { triggerSize, batchSize } = definition.strategy;
  const { goal, seed } = record;
  const { session, sparsifier } = training;
  const excluded = (await stores.log.rollbacks()).flatMap((entry): readonly PositionRange[] =>
    entry.excluded === null ? [] : [entry.excluded],
  );
  const random =
    checkpoint === null ? new Random(seed, streamOf("sampler")) : Random.at(checkpoint.sampler);
  return {
    model,
    session: {
      state: session.state,
      predict: (state, inputs, size) => session.predict(state, inputs, size),
      moments: (state, inputs, size) => session.moments(state, inputs, size),
      checkpoint: () => session.checkpoint(),
      step: async (batch) => {
        const result = await session.step(batch);
        loop.onStepDone();
        return result;
      },
    },
    source,
    history: stores.history,
    preprocessing: definition.input,
    triggerSize,
    batchSize,
    sampler: excluding(uniformSampler(random), excluded),
    sparsifier,
    buffers: {
      every: deploy.buffersEvery,
      samplerAt: (version) => excluding(samplerForBuffers(seed, version), excluded),
    },
    deployed,
    publisher,
    checkpoints: stores.checkpoints,
    clock,
    signal: loop.signal,
    ...(checkpoint === null ? {} : { resume: checkpoint }),
    ...(goal === null ? {} : { maxSteps: goal.untilStep }),
    ...(samplesPerSecond === undefined ? {} : { paceSamplesPerSecond: samplesPerSecond }),
  };
}
