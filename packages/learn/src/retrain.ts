import type { Arrivals } from "./arrivals/arrivals.ts";
import { arriveWhile } from "./arrivals/flow.ts";
import type { RetrainingIteration } from "./strategies/iteration.ts";
import { type IterationResult, perform } from "./strategies/perform.ts";
import type { TrainingRun } from "./training-run.ts";

/**
 * Performs a retraining. That takes its time: what is deployed serves on, and samples go on arriving;
 * they are tested under it.
 * @returns null when the signal has cut it off: the trained state is then what it was before
 */
export async function retrain(
  iteration: RetrainingIteration,
  run: TrainingRun,
  arrivals: Arrivals,
): Promise<IterationResult | null> {
  const { batches, trainee, options } = run;
  const { clock, initial, signal, onProgress, checkpoints } = options;
  const [next] = run.replay;
  run.isRetraining = true;
  try {
    const performing = perform(iteration, {
      ...{ session: trainee, batches, clock },
      ...(initial === undefined ? {} : { initial }),
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onStep: onProgress }),
    });
    await arriveWhile(performing, run, { arrivals, replayed: next?.testedBefore });
    return await performing;
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
export function lastEpochLoss(losses: readonly number[], epochs: number): number {
  const last = losses.slice(-Math.ceil(losses.length / epochs));
  return last.reduce((sum, loss) => sum + loss, 0) / last.length;
}
