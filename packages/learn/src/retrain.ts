import type { Arrivals } from "./arrivals/arrivals.ts";
import { arriveWhile } from "./arrivals/flow.ts";
import { isLockstep } from "./arrivals/open-arrivals.ts";
import type { JournalEntry } from "./journal/journal.ts";
import { initialNow } from "./preprocessing/observe-samples.ts";
import type { RetrainingCheckpoint } from "./retraining-store.ts";
import { type RetrainingIteration, stepsOf } from "./strategies/iteration.ts";
import { type IterationProgress, type IterationResult, perform } from "./strategies/perform.ts";
import { CHECKPOINT_EVERY_DEFAULT } from "./trainer-options.ts";
import type { TrainingRun } from "./training-run.ts";

/** The entry of a retraining. */
type RetrainingEntry = Pick<JournalEntry, "step" | "version"> & {
  readonly iteration: RetrainingIteration;
};

const NOTHING_DONE: IterationResult = {
  ...{ losses: [], steps: 0, samples: 0 },
  ...{ preprocessMs: 0, trainMs: 0, durationMs: 0 },
};

/**
 * Performs a retraining. That takes its time: what is deployed serves on, and samples go on arriving;
 * they are tested under it. Where the source waits for every step, it waits for this one too. Now and
 * then it is saved, and one that was cut off goes on from there.
 * @returns null when the signal has cut it off: the trained state is then what it was before
 */
export async function retrain(
  entry: RetrainingEntry,
  run: TrainingRun,
  arrivals: Arrivals,
): Promise<IterationResult | null> {
  const { batches, trainee, options, preprocessor } = run;
  const { clock, initial, signal, onProgress, checkpoints } = options;
  const [next] = run.replay;
  run.isRetraining = true;
  try {
    const done = await doneBefore(entry, run);
    const performing = perform(entry.iteration, {
      ...{ session: trainee, batches, clock, fromStep: done.steps },
      ...(initial === undefined
        ? {}
        : { initial: initialNow(initial, options.session, preprocessor) }),
      ...(signal === undefined ? {} : { signal }),
      onStep: async (progress, soFar) => {
        onProgress?.(progress);
        if (isSaved(progress, run)) await save(entry, sumOf(done, soFar(), entry), run);
      },
    });
    if (!isLockstep(options.strategy)) {
      await arriveWhile(performing, run, { arrivals, replayed: next?.testedBefore });
    }
    return sumOf(done, await performing, entry);
  } catch (error) {
    if (!signal?.aborted) throw error;
    // There is a checkpoint of right before it.
    const before = await checkpoints.latest();
    if (before !== null) await trainee.restore(before.training);
    return null;
  } finally {
    run.isRetraining = false;
  }
}

/** The mean loss of the batches of the last epoch. */
export function lastEpochLoss({ losses, steps }: IterationResult, epochs: number): number {
  const last = losses.slice(-Math.ceil(steps / epochs));
  return last.reduce((sum, loss) => sum + loss, 0) / last.length;
}

/** What was done of this very retraining before the process began; θ and the optimizer are then there. */
async function doneBefore(
  entry: RetrainingEntry,
  { options, trainee }: TrainingRun,
): Promise<IterationResult> {
  const kept = (await options.retrainings?.latest()) ?? null;
  if (kept === null || !isOf(kept, entry)) return NOTHING_DONE;
  await trainee.restore(kept.training);
  return kept.done;
}

/** After a rollback the same step comes again, from another version. */
function isOf(kept: RetrainingCheckpoint, { step, version, iteration }: RetrainingEntry): boolean {
  const isSame = JSON.stringify(kept.iteration) === JSON.stringify(iteration);
  return kept.step === step && kept.version === version && isSame;
}

function isSaved({ step, steps }: IterationProgress, { options }: TrainingRun): boolean {
  const { retrainings, checkpointEvery = CHECKPOINT_EVERY_DEFAULT } = options;
  return retrainings !== undefined && step % checkpointEvery === 0 && step < steps;
}

async function save(
  { step, version, iteration }: RetrainingEntry,
  done: IterationResult,
  { options }: TrainingRun,
): Promise<void> {
  const training = options.session.checkpoint();
  await options.retrainings?.save({ step, version, iteration, done, training });
}

/** Both parts of a retraining together; of the losses only as many as an epoch has. */
function sumOf(
  done: IterationResult,
  here: IterationResult,
  { iteration }: RetrainingEntry,
): IterationResult {
  const perEpoch = Math.ceil(stepsOf(iteration) / iteration.epochs);
  return {
    losses: [...done.losses, ...here.losses.slice(-perEpoch)].slice(-perEpoch),
    steps: done.steps + here.steps,
    samples: done.samples + here.samples,
    preprocessMs: done.preprocessMs + here.preprocessMs,
    trainMs: done.trainMs + here.trainMs,
    durationMs: done.durationMs + here.durationMs,
  };
}
