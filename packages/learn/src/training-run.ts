import { assert, stateBytes } from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import type { Arrivals } from "./arrivals/arrivals.ts";
import type { JournalEntry } from "./journal/journal.ts";
import { batchReader, type CachingBatchReader } from "./strategies/batch-reader.ts";
import { CostAccount } from "./strategies/cost-account.ts";
import { goOnFrom, recordOf } from "./strategies/recorded-strategy.ts";
import type { Strategy } from "./strategies/strategy.ts";
import { strategyOf } from "./strategies/strategy-of.ts";
import type { TrainerOptions, TrainerSession, TrainerStanding } from "./trainer-options.ts";

/** What a run of the loop works with, and how far it has come. */
export interface TrainingRun {
  readonly options: TrainerOptions;
  readonly strategy: Strategy;
  readonly batches: CachingBatchReader;
  readonly costs: CostAccount;
  /** The session, as far as an iteration works with it. */
  readonly trainee: Pick<TrainingSession, "step" | "restore">;
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
  /** Where the last checkpoint was made; null before the first one. */
  saved: { readonly step: number; readonly tested: number } | null;
}

/** Opens a run: at the checkpoint that it resumes, or with all there is in the history as the past. */
export async function openRun(options: TrainerOptions): Promise<TrainingRun> {
  const { resume, history, journal, sparsifier, deployed, seed, clock, excluded } = options;
  const { session } = options;
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
  const tested = resume?.tested ?? samples;
  return {
    options,
    strategy,
    batches: batchReader(history, options.preprocessing),
    costs: new CostAccount(resume?.costs ?? undefined),
    trainee: traineeOf(session),
    replay: isStale ? [] : [...replay],
    step,
    samples,
    tested,
    testedBefore: tested,
    cameMeanwhile: 0,
    isRetraining: false,
    saved: resume === undefined ? null : { step, tested },
  };
}

/** How a run stands now. */
export function standingOf(run: TrainingRun, arrivals: Arrivals): TrainerStanding {
  const { tested, strategy, costs, options } = run;
  return {
    tested,
    waiting: arrivals.waiting + options.history.count() - strategy.past,
    intake: strategy.counters(),
    labels: arrivals.labels(),
    costs: costs.costs,
  };
}

function traineeOf(session: TrainerSession): TrainingRun["trainee"] {
  return {
    step: (batch) => session.step(batch),
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
  if (run.saved?.step === step && run.saved.tested === tested) return;
  const { checkpoints, journal, session, deployed, sparsifier, evaluation } = options;
  const position = sparsifier.position?.();
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
    evaluation: evaluation.checkpoint(),
    costs: run.costs.costs,
  });
  run.saved = { step, tested };
  await journal.forgetTo(step);
  await arrivals?.tested(tested);
}
