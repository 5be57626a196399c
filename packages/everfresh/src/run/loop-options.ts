import { type DeployedState, stateBytes } from "@everfresh/core";
import {
  type DriftWatch,
  excluding,
  type LateLabels,
  type LiveEvaluation,
  mergedRanges,
  type PositionRange,
  type Publisher,
  samplerForBuffers,
  type TrainerCheckpoint,
  type TrainerOptions,
  type TrainerSession,
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
  readonly evaluation: LiveEvaluation;
  /** Null where drift is not watched. */
  readonly drift: DriftWatch | null;
  /** Null where labels come along. */
  readonly labels: LateLabels | null;
  /** Where training goes on; null for a fresh start. */
  readonly checkpoint: TrainerCheckpoint | null;
  readonly signal: AbortSignal;
  /** Called when a step is done, before what it deploys is chosen. */
  readonly onStepDone: () => void;
  readonly onOpen: NonNullable<TrainerOptions["onOpen"]>;
  readonly onProgress: NonNullable<TrainerOptions["onProgress"]>;
  readonly onDrift: NonNullable<TrainerOptions["onDrift"]>;
}

/**
 * The options of a run's training loop. Samples that a rollback excluded, or that were erased, are not
 * drawn for anything.
 */
export async function loopOptions(loop: Loop): Promise<TrainerOptions> {
  const { resolved, deploy, record, stores, training, checkpoint, labels } = loop;
  const { clock, samplesPerSecond } = loop.run;
  const { definition, model, source } = resolved;
  const { goal, seed } = record;
  const { deployed, publisher, evaluation, drift, onOpen, onProgress, onDrift } = loop;
  const rolledBack = (await stores.log.rollbacks()).flatMap((entry): readonly PositionRange[] =>
    entry.excluded === null ? [] : [entry.excluded],
  );
  const erased = stores.history.erased().map((at): PositionRange => ({ from: at, to: at + 1 }));
  const excluded = mergedRanges([...rolledBack, ...erased]);
  return {
    model,
    session: sessionOf(loop),
    source,
    history: stores.history,
    preprocessing: definition.input,
    ...(definition.features === undefined ? {} : { features: definition.features }),
    strategy: definition.strategy,
    seed,
    excluded,
    initial: stateBytes(model.state),
    sparsifier: training.sparsifier,
    buffers: {
      every: deploy.buffersEvery,
      samplerAt: (version) => excluding(samplerForBuffers(seed, version), excluded),
    },
    ...{ deployed, publisher, evaluation },
    ...{ journal: stores.journal, checkpoints: stores.checkpoints },
    retrainings: stores.retrainings,
    ...{ clock, signal: loop.signal, onOpen, onProgress },
    ...(labels === null ? {} : { labels }),
    ...(drift === null ? {} : { drift, onDrift }),
    ...(checkpoint === null ? {} : { resume: checkpoint }),
    ...(goal === null ? {} : { maxSteps: goal.untilStep }),
    ...(samplesPerSecond === undefined ? {} : { paceSamplesPerSecond: samplesPerSecond }),
  };
}

function sessionOf({ training, onStepDone }: Loop): TrainerSession {
  const { session } = training;
  const { restore, setBuffers } = session;
  return {
    state: session.state,
    predict: (state, inputs, size) => session.predict(state, inputs, size),
    moments: (state, inputs, size) => session.moments(state, inputs, size),
    checkpoint: () => session.checkpoint(),
    ...(restore === undefined ? {} : { restore: (to) => restore.call(session, to) }),
    ...(setBuffers === undefined
      ? {}
      : { setBuffers: (changes) => setBuffers.call(session, changes) }),
    step: async (batch) => {
      const result = await session.step(batch);
      onStepDone();
      return result;
    },
  };
}
