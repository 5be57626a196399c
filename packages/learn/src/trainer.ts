/**
 * The training loop. By default it is proactive training as in Algorithm 1 of Prapas, Derakhshan,
 * Mahdiraji and Markl, "Continuous training and deployment of deep learning models" (2021), with one
 * change: the optimizer steps densely, and what is made sparse is the change of the deployed state.
 *
 *   source ──► history ──► test θ and x̂, each sample once, before it is learned
 *    (labels may come later)   │
 *                              ▼
 *                          strategy: is training due, and on which samples?
 *                              │ written to the journal first
 *                              ▼
 *                          statistics of preprocessing, of new samples once
 *                              │
 *                              ▼
 *                          training step, or retraining ──► θ
 *                                                           │ the largest part of θ − x̂
 *                                                           ▼
 *            now and then: x̂'s own ──────────────────────► update ──► log ──► replicas
 *            statistics of BatchNormalization                    └──► x̂
 *
 * A crash at any moment loses no sample and no update: samples are in the history before they are
 * trained on, decisions in the journal before they are acted on, updates in the log before they are
 * applied. A resumed run goes back to the last checkpoint and acts again as the journal says, to the
 * same bits; then it goes on as if nothing had happened.
 */
import type { Arrivals } from "./arrivals/arrivals.ts";
import { isDone, tell, test, waitForMore } from "./arrivals/flow.ts";
import { openArrivals } from "./arrivals/open-arrivals.ts";
import { deployChange } from "./deploy-change.ts";
import { heedReports } from "./drift/monitor/heed-report.ts";
import type { JournalEntry } from "./journal/journal.ts";
import { observeFresh } from "./preprocessing/observe-samples.ts";
import { lastEpochLoss, retrain } from "./retrain.ts";
import type { StepReport } from "./step-report.ts";
import { countOf, samplesAfter } from "./strategies/iteration.ts";
import { costsOf, perform } from "./strategies/perform.ts";
import { goOnFrom, recordOf } from "./strategies/recorded-strategy.ts";
import {
  CHECKPOINT_EVERY_DEFAULT,
  checkTrainerOptions,
  type TrainerOptions,
} from "./trainer-options.ts";
import {
  actionsAreSafe,
  openRun,
  saveCheckpoint,
  standingOf,
  type TrainingRun,
} from "./training-run.ts";

/**
 * Samples tested, or turns kept, between two checkpoints where training comes rarely: bounds what is
 * tested, and watched, again.
 */
const TESTED_PER_CHECKPOINT = 10_000;

/**
 * Trains on a stream as it comes and publishes an update after every iteration; one report for each. It
 * works only while it is iterated over, but for samples, which arrive meanwhile. It ends with the source,
 * at `maxSteps`, when `signal` aborts or when the iteration is left, each time with a checkpoint; after
 * an error in a step, or an abort in the middle of a retraining, the last good checkpoint remains.
 * @throws LearnOptionError, ShapeError, ResumeMismatchError at once, see {@link checkTrainerOptions};
 *   the iteration throws what source, session, sparsifier and stores throw
 */
export function trainContinuously(options: TrainerOptions): AsyncIterable<StepReport> {
  checkTrainerOptions(options);
  return train(options);
}

async function* train(options: TrainerOptions): AsyncGenerator<StepReport, void, void> {
  const { maxSteps = Infinity, checkpointEvery = CHECKPOINT_EVERY_DEFAULT } = options;
  const run = await openRun(options);
  // Also before the first step: this is how a resumed run knows where the samples of the run begin.
  await saveCheckpoint(run);
  if (run.step >= maxSteps) return;

  const end = new AbortController();
  const arrivals = await openArrivals(run, end.signal);
  options.drift?.follow(heedReports(run, arrivals));
  options.onOpen?.(() => standingOf(run, arrivals));
  let isBetween = true;
  try {
    for (;;) {
      const entry = (await decidedBefore(run, arrivals)) ?? (await decide(run, arrivals));
      if (entry === null) return;
      isBetween = false;
      const report = await carryOut(entry, run, arrivals);
      if (report === null) return;
      const isDue = run.step % checkpointEvery === 0 || report.kind === "retraining";
      if (isDue) await saveCheckpoint(run, arrivals);
      isBetween = true;
      yield report;
      if (run.step >= maxSteps) return;
    }
  } finally {
    end.abort();
    if (isBetween && !run.strategy.isRunning) await saveCheckpoint(run, arrivals);
  }
}

/** What was decided before a crash, and is done again; null when there is no more of it. */
async function decidedBefore(run: TrainingRun, arrivals: Arrivals): Promise<JournalEntry | null> {
  const entry = run.options.signal?.aborted ? undefined : run.replay.shift();
  if (entry === undefined) return null;
  await arrivals.watch(entry.watched ?? 0);
  await test(run, arrivals, entry.tested);
  goOnFrom(run.strategy, entry.strategy);
  actionsAreSafe(run);
  run.redone = run.replay[0]?.actions ?? null;
  return entry;
}

/** Tests what arrives until training is due, and writes down what it will be; null at the end. */
async function decide(run: TrainingRun, arrivals: Arrivals): Promise<JournalEntry | null> {
  const { strategy, options } = run;
  const { history, journal, deployed, signal, clock, drift } = options;
  await arrivals.watch(Infinity);
  while (!signal?.aborted) {
    await tell(run);
    await test(run, arrivals, strategy.samples);
    const isEnd = arrivals.isOver && strategy.samples === history.count();
    const { isDue, waitMs, isRetraining = false } = strategy.decide(isEnd);
    const isLong = isDue && isRetraining;
    const unsaved = Math.max(run.tested - (run.saved?.tested ?? 0), arrivals.kept);
    if (isLong || unsaved >= TESTED_PER_CHECKPOINT) {
      await saveCheckpoint(run, arrivals);
    }
    const iteration = await strategy.next(isEnd);
    if (iteration !== null) {
      const { step, tested, testedBefore } = run;
      const entry: JournalEntry = {
        ...{ step: step + 1, version: deployed.version, iteration, nowMs: clock.nowMs() },
        ...{ tested, testedBefore, strategy: recordOf(strategy) },
        ...(drift === undefined ? {} : { watched: drift.watched, actions: actionsAreSafe(run) }),
      };
      await journal.append(entry);
      return entry;
    }
    if (isEnd && isDone(strategy)) return null;
    await waitForMore(run, arrivals, waitMs);
  }
  return null;
}

/** One iteration, from a decision to a new version; null when it was cut off. */
async function carryOut(
  entry: JournalEntry,
  run: TrainingRun,
  arrivals: Arrivals,
): Promise<StepReport | null> {
  const { iteration } = entry;
  const { strategy, costs, batches, trainee } = run;
  const { clock, evaluation, deployed, drift } = run.options;

  // Learn what samples are like, then train.
  const observedMs = await observeFresh(iteration, run);
  const result =
    iteration.kind === "step"
      ? await perform(iteration, { session: trainee, batches, clock })
      : await retrain({ ...entry, iteration }, run, arrivals);
  if (result === null) return null;
  const stepDoneAtMs = clock.monotonicMs();
  batches.performed(result.samples);
  strategy.on({ kind: "ended", samples: result.samples, durationMs: result.durationMs });
  if (iteration.kind === "step" && run.gradientNorm !== null) drift?.stepped(run.gradientNorm);

  // Deploy.
  const deployment = await deployChange(entry, run);
  const deployedAtMs = clock.monotonicMs();
  const { selectMs, publishMs } = deployment;
  costs.add(costsOf(result));
  costs.add({ selectSeconds: selectMs / 1_000, encodeSeconds: publishMs / 1_000 });
  costs.add({ preprocessSeconds: observedMs / 1_000 });

  run.step = entry.step;
  run.samples = samplesAfter(iteration);
  run.testedBefore = run.tested;
  drift?.trained(run.samples, deployed);
  const { skipped, fresh, past, why, kind } = iteration;
  const cameAtMs = fresh === 0 ? null : arrivals.cameAtMs(past + skipped);
  const isStep = kind === "step";
  return {
    ...{ step: run.step, kind, why, samples: run.samples, fresh, skipped },
    ...{ version: deployed.version, fingerprint: deployed.fingerprint },
    batchSize: isStep ? iteration.positions.length : countOf(iteration.samples),
    optimizerSteps: result.steps,
    loss: lastEpochLoss(result, isStep ? 1 : iteration.epochs),
    stepMs: result.trainMs / result.steps,
    stepDoneAtMs,
    lagMs: cameAtMs === null ? null : deployedAtMs - cameAtMs,
    ...deployment,
    ...evaluation.quick,
  };
}
