import { stateBytes } from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import {
  type Iteration,
  type IterationResult,
  perform,
  type RetrainingStore,
} from "@everfresh/learn";
import type { SeedRun } from "./seed-run.ts";

/** A retraining is kept as often as that: writing a state must not be what takes the time. */
const KEPT_EVERY_MS = 20_000;

/** A retraining, as a strategy asks for it. */
type Retraining = Extract<Iteration, { readonly kind: "retraining" }>;

const NOTHING_DONE: IterationResult = {
  ...{ losses: [], steps: 0, samples: 0 },
  ...{ preprocessMs: 0, trainMs: 0, durationMs: 0 },
};

/**
 * Performs a retraining that may take hours: how far it has come is kept now and then, and at its end.
 * The same one that was begun before goes on from there, or is over at once, with the bits and the costs
 * of one that was never interrupted.
 * @throws what training throws; the reason of the signal
 */
export async function performKept(
  iteration: Retraining,
  run: Omit<SeedRun, "initial">,
  learner: Pick<TrainingSession, "step">,
): Promise<IterationResult> {
  const { session, batches, clock, model, onWork, signal } = run;
  const store = run.retrainings(iteration.past + iteration.fresh);
  const done = await doneBefore(iteration, session, store);
  onWork(done.steps);
  let keptMs = clock.monotonicMs();
  const keep = async (soFar: IterationResult): Promise<void> => {
    keptMs = clock.monotonicMs();
    const kept = { iteration, done: sumOf(done, soFar), training: session.checkpoint() };
    await store.save({ step: 0, version: 0, ...kept });
  };
  const result = await perform(iteration, {
    session: {
      state: session.state,
      step: (batch) => learner.step(batch),
      restore: (checkpoint) => session.restore(checkpoint),
    },
    ...{ batches, clock, fromStep: done.steps, initial: stateBytes(model.state).slice() },
    onStep: async (_progress, soFar) => {
      onWork(1);
      if (clock.monotonicMs() - keptMs >= KEPT_EVERY_MS) await keep(soFar());
    },
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.steps > 0) await keep(result);
  return sumOf(done, result);
}

/** What was done of this very retraining; the session is then where it was. */
async function doneBefore(
  iteration: Retraining,
  session: Pick<TrainingSession, "restore">,
  store: RetrainingStore,
): Promise<IterationResult> {
  const kept = await store.latest();
  const isSame = JSON.stringify(kept?.iteration) === JSON.stringify(iteration);
  if (kept === null || !isSame) return NOTHING_DONE;
  await session.restore(kept.training);
  return kept.done;
}

/** Both parts together; nobody asks for their losses. */
function sumOf(first: IterationResult, second: IterationResult): IterationResult {
  return {
    losses: [],
    steps: first.steps + second.steps,
    samples: first.samples + second.samples,
    preprocessMs: first.preprocessMs + second.preprocessMs,
    trainMs: first.trainMs + second.trainMs,
    durationMs: first.durationMs + second.durationMs,
  };
}
