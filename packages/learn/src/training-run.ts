import {
  assert,
  type Preprocessor,
  preprocessorOf,
  stateBytes,
  statisticsIn,
} from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import type { Arrivals } from "./arrivals/arrivals.ts";
import type { LateLabels } from "./arrivals/arrivals-options.ts";
import type { JournalEntry, RecordedAction } from "./journal/journal.ts";
import { observePast } from "./preprocessing/observe-samples.ts";
import {
  batchReader,
  CACHE_BYTES_DEFAULT,
  type CachingBatchReader,
  TOLERANCE_DEFAULT,
} from "./strategies/batch-reader.ts";
import { CostAccount } from "./strategies/cost-account.ts";
import { goOnFrom, recordOf } from "./strategies/recorded-strategy.ts";
import type { Strategy } from "./strategies/strategy.ts";
import { strategyOf } from "./strategies/strategy-of.ts";
import { withoutErased } from "./strategies/without-erased.ts";
import type {
  FeatureUse,
  TrainerOptions,
  TrainerSession,
  TrainerStanding,
} from "./trainer-options.ts";

/** What a run of the loop works with, and how far it has come. */
export interface TrainingRun {
  readonly options: TrainerOptions;
  readonly strategy: Strategy;
  /** From the features of a sample to the model's input. */
  readonly preprocessor: Preprocessor;
  readonly batches: CachingBatchReader;
  readonly costs: CostAccount;
  /** The session, as far as an iteration works with it. */
  readonly trainee: Pick<TrainingSession, "state" | "step" | "restore">;
  /** Iterations that were decided before the process began, and are performed again. */
  readonly replay: JournalEntry[];
  /** Iterations made. */
  step: number;
  /** Samples of the history that training has taken up. */
  samples: number;
  /** Samples of the history that were tested, */
  tested: number;
  /** and how many had been when the last iteration ended. */
  testedBefore: number;
  /** Samples of the history below this came while the last retraining ran, or before it. */
  cameMeanwhile: number;
  /** Whether a retraining runs now. */
  isRetraining: boolean;
  /** Reports on drift since the last iteration was decided, or the last checkpoint made, */
  reports: number;
  /** what was done about them, */
  readonly actions: RecordedAction[];
  /** and what had been done about the same before a crash; null where nothing is done again. */
  redone: readonly RecordedAction[] | null;
  /** Of the last step, as a part of what is usual: √parameters; null where it was not measured. */
  gradientNorm: number | null;
  /** Where the last checkpoint was made; null before the first one. */
  saved: { readonly step: number; readonly tested: number } | null;
}

/** Opens a run: at the checkpoint that it resumes, or with all there is in the history as the past. */
export async function openRun(options: TrainerOptions): Promise<TrainingRun> {
  const { resume, history, journal, sparsifier, deployed, seed, clock, excluded } = options;
  const { session, drift, labels } = options;
  if (resume?.sparsifier !== undefined) sparsifier.restore?.(resume.sparsifier);
  const samples = resume?.samples ?? history.count();
  const strategy = strategyOf(options.strategy, {
    ...{ seed, clock, history, past: samples },
    ...(excluded === undefined ? {} : { excluded }),
  });
  if (resume !== undefined) goOnFrom(strategy, resume.strategy);
  const step = resume?.step ?? 0;
  const replay = await journal.after(step);
  // A rollback came between: what was decided before it does not happen.
  const isStale = replay[0] !== undefined && replay[0].version !== deployed.version;
  if (isStale) await journal.forgetAfter(step);
  const preprocessor = preprocessorOf(options.preprocessing);
  await observePast({ ...options, preprocessor }, samples);
  const tested = resume?.tested ?? samples;
  if (labels === undefined) drift?.begin(tested, tested);
  else drift?.begin(labels.join.stats().predicted, labels.join.joinedCount(), firstTurn(labels));
  const run: TrainingRun = {
    options,
    strategy,
    preprocessor,
    batches: withoutErased(
      batchReader(history, preprocessor, {
        ...options.features,
        ...{ seed, position: resume?.features },
      }),
      history,
    ),
    costs: new CostAccount(resume?.costs ?? undefined),
    trainee: traineeOf(session, (gradientNorm) => {
      run.gradientNorm = gradientNorm;
    }),
    replay: isStale ? [] : [...replay],
    step,
    samples,
    tested,
    testedBefore: tested,
    cameMeanwhile: 0,
    isRetraining: false,
    reports: 0,
    actions: [],
    redone: isStale ? null : (replay[0]?.actions ?? null),
    gradientNorm: null,
    saved: resume === undefined ? null : { step, tested },
  };
  run.batches.follow(statisticsIn(session.state, preprocessor.statistics));
  return run;
}

/** Where labels come by themselves, each has a turn of its own. */
function firstTurn({ join, lagSamples }: LateLabels): number {
  return lagSamples === null ? join.turns().count : join.stats().predicted;
}

/** What was done about reports so far need not be remembered for the next iteration's entry. */
export function actionsAreSafe(run: TrainingRun): readonly RecordedAction[] {
  run.reports = 0;
  return run.actions.splice(0);
}

/** How a run stands now. */
export function standingOf(run: TrainingRun, arrivals: Arrivals): TrainerStanding {
  const { tested, strategy, costs, options } = run;
  return {
    tested,
    waiting: arrivals.waiting + options.history.count() - strategy.past,
    intake: strategy.counters(),
    labels: arrivals.labels(),
    features: featureUse(run),
    costs: costs.costs,
  };
}

/** What was asked of the cache of features, and what it may take. */
function featureUse({ batches, options }: TrainingRun): FeatureUse {
  const { cacheBytesMax: bytesMax = CACHE_BYTES_DEFAULT } = options.features ?? {};
  const { tolerance = TOLERANCE_DEFAULT } = options.features ?? {};
  return { ...batches.use, capacity: batches.capacity, bytesMax, tolerance };
}

function traineeOf(
  session: TrainerSession,
  onGradientNorm: (norm: number | null) => void,
): TrainingRun["trainee"] {
  return {
    state: session.state,
    step: async (batch) => {
      const result = await session.step(batch);
      const { naturalGradientNorm: norm } = result;
      const usual = Math.sqrt(session.state.layout.parameterCount);
      onGradientNorm(norm === undefined ? null : norm / usual);
      return result;
    },
    restore: async (checkpoint) => {
      assert(session.restore !== undefined, "who retrains was asked for a session that can");
      await session.restore(checkpoint);
    },
  };
}

/**
 * Saves a checkpoint, unless there is one of this very moment; only between two iterations. What led to
 * it need not be remembered any longer.
 */
export async function saveCheckpoint(run: TrainingRun, arrivals?: Arrivals): Promise<void> {
  const { options, step, samples, tested } = run;
  const isSaved = run.saved?.step === step && run.saved.tested === tested;
  if (isSaved && (arrivals?.kept ?? 0) === 0) return;
  const { checkpoints, journal, session, deployed, sparsifier, evaluation, drift } = options;
  const { retrainings } = options;
  const position = sparsifier.position?.();
  const features = run.batches.position();
  await checkpoints.save({
    step,
    samples,
    tested,
    version: deployed.version,
    fingerprint: deployed.fingerprint,
    deployed: stateBytes(deployed.state).slice(),
    training: session.checkpoint(),
    strategy: recordOf(run.strategy),
    ...(position === undefined ? {} : { sparsifier: position }),
    ...(features === undefined ? {} : { features }),
    evaluation: evaluation.checkpoint(),
    ...(drift === undefined ? {} : { drift: drift.checkpoint() }),
    costs: run.costs.costs,
  });
  run.saved = { step, tested };
  actionsAreSafe(run);
  await journal.forgetTo(step);
  await retrainings?.forgetTo(step);
  await arrivals?.tested(tested);
}
