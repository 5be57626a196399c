/**
 * The training loop: proactive training as in Algorithm 1 of Prapas, Derakhshan, Mahdiraji and Markl,
 * "Continuous training and deployment of deep learning models" (2021), with one change: the optimizer
 * steps densely, and what is made sparse is the change of the deployed state.
 *
 *   source ──► history ──► sampler ─┐
 *     │ t new samples               │ up to b − t old ones
 *     ├──► test θ and x̂             ▼
 *     └───────────────────► training step ──► θ
 *                                             │ the largest part of θ − x̂
 *                                             ▼
 *            now and then: x̂'s own ──────► update ──► log ──► replicas
 *            statistics of BatchNormalization        └────► x̂
 *
 * A crash at any moment loses no sample and no update: new samples are in the history before they are
 * trained on, updates in the log before they are applied. A resumed run goes back to the last
 * checkpoint and takes the same steps again, to the same bits.
 */
import { isEventTime, type Sample, type StateChange } from "@everfresh/core";
import { arrivals, storeArrivals } from "./arrivals.ts";
import { assembleBatch, headOf } from "./batch.ts";
import { chunksOf } from "./chunks.ts";
import { outcomesOf } from "./evaluate/classify.ts";
import { paceOf } from "./pace.ts";
import { type Progress, saveCheckpoint, startOf } from "./progress.ts";
import type { UpdateOrigin } from "./publisher.ts";
import { buffersDue, estimateBuffers } from "./running-statistics.ts";
import type { StepReport } from "./step-report.ts";
import {
  CHECKPOINT_EVERY_DEFAULT,
  checkTrainerOptions,
  type TrainerOptions,
} from "./trainer-options.ts";

/**
 * Trains on a stream as it comes and publishes an update after every step; one report per step. It
 * works only while it is iterated over. It ends with the source, at `maxSteps`, when `signal` aborts or
 * when the iteration is left, each time with a checkpoint; after an error in a step the last good
 * checkpoint remains.
 * @throws LearnOptionError, ShapeError, ResumeMismatchError at once, see {@link checkTrainerOptions};
 *   the iteration throws what source, session, sparsifier and stores throw
 */
export function trainProactively(options: TrainerOptions): AsyncIterable<StepReport> {
  checkTrainerOptions(options);
  return train(options);
}

async function* train(options: TrainerOptions): AsyncGenerator<StepReport, void, void> {
  const { source, history, triggerSize, signal, maxSteps = Infinity } = options;
  const { checkpointEvery = CHECKPOINT_EVERY_DEFAULT } = options;
  const progress = startOf(options);
  // Also before the first step: this is how a resumed run knows where the samples of the run begin.
  await saveCheckpoint(options, progress);
  if (progress.step >= maxSteps) return;

  const from = progress.samples;
  const samples = arrivals({ source, history, from, pace: paceOf(options), signal });
  let betweenSteps = true;
  try {
    for await (const fresh of chunksOf(samples, triggerSize, signal)) {
      betweenSteps = false;
      const report = await trainOn(fresh, options, progress);
      if (progress.step % checkpointEvery === 0) await saveCheckpoint(options, progress);
      betweenSteps = true;
      yield report;
      if (progress.step >= maxSteps) return;
    }
  } finally {
    if (betweenSteps) await saveCheckpoint(options, progress);
  }
}

/** One step, from new samples to a new version. */
async function trainOn(
  fresh: readonly Sample[],
  options: TrainerOptions,
  progress: Progress,
): Promise<StepReport> {
  const { history, preprocessing, sampler, session, sparsifier, deployed, clock } = options;

  // Remember the new samples first; the sampler still draws only from those before them.
  const past = progress.samples;
  await storeArrivals(history, past, fresh);
  const old = await history.read(sampler.draw(options.batchSize - options.triggerSize, past));
  const batch = assembleBatch(preprocessing, [...fresh, ...old]);

  // Test on what is new, then train on it.
  const unseen = headOf(batch, fresh.length);
  const [byTrained, byDeployed] = await Promise.all([
    outcomesOf(session, session.state, unseen),
    outcomesOf(session, deployed.state, unseen),
  ]);
  progress.trained.record(byTrained);
  progress.deployed.record(byDeployed);
  const { loss, stepMs } = await session.step(batch);
  const stepDoneAtMs = clock.monotonicMs();

  // Deploy the largest part of what the trained state has and the deployed one has not; the running
  // statistics that belong to what is deployed follow at a pace of their own.
  const samples = past + fresh.length;
  const bufferBytes = buffersDue(options, samples);
  const change = sparsifier.select(session.state, deployed.state, bufferBytes);
  const selectedAtMs = clock.monotonicMs();
  const isDue = bufferBytes > 0 && change.indices.length > 0;
  const buffers = isDue ? await estimateBuffers(options, change, samples) : [];
  const estimatedAtMs = clock.monotonicMs();
  const eventTimeMs = newestOf([...fresh, ...old], deployed.eventTimeMs);
  const origin = { step: progress.step + 1, samples, sampler: sampler.position };
  const deployment = await deploy({ ...change, buffers }, { eventTimeMs, origin }, options);

  progress.step++;
  progress.samples = samples;
  return {
    step: progress.step,
    version: deployed.version,
    fingerprint: deployed.fingerprint,
    samples: progress.samples,
    batchSize: batch.size,
    loss,
    stepMs,
    selectMs: selectedAtMs - stepDoneAtMs,
    buffersMs: estimatedAtMs - selectedAtMs,
    stepDoneAtMs,
    unsendable: sparsifier.unsendable,
    ...deployment,
    trained: progress.trained.score(),
    deployed: progress.deployed.score(),
  };
}

type Deployment = Pick<
  StepReport,
  "publishMs" | "entries" | "bufferBytes" | "updateBytes" | "replayed" | "replayDiffered"
>;

const NO_UPDATE: Deployment = {
  publishMs: 0,
  entries: 0,
  bufferBytes: 0,
  updateBytes: 0,
  replayed: false,
  replayDiffered: false,
};

/** Logs and publishes the change, then makes it to the deployed state. Without a change, nothing. */
async function deploy(
  change: StateChange,
  { eventTimeMs, origin }: { readonly eventTimeMs: number | null; readonly origin: UpdateOrigin },
  { deployed, publisher, sparsifier, clock }: TrainerOptions,
): Promise<Deployment> {
  if (change.indices.length === 0) {
    sparsifier.published?.(null, clock.nowMs());
    return NO_UPDATE;
  }
  const startMs = clock.monotonicMs();
  const update = deployed.updateFor(change, eventTimeMs);
  // Replicas may have taken the update that the log has at this version: so the log wins.
  const published = await publisher.publish(update, origin);
  const { update: logged, bytes, replayed } = published;
  deployed.apply(logged);
  sparsifier.published?.(published, clock.nowMs());
  return {
    publishMs: clock.monotonicMs() - startMs,
    entries: logged.indices.length,
    bufferBytes: logged.buffers.reduce((sum, { data }) => sum + data.byteLength, 0),
    updateBytes: bytes,
    replayed,
    replayDiffered: logged.fingerprintAfter !== update.fingerprintAfter,
  };
}

/**
 * The newest event time of `samples` and of what was learned before, in whole milliseconds; null when
 * no one is known. A source whose clock is not Unix time may have any number there.
 */
function newestOf(samples: readonly Sample[], before: number | null): number | null {
  return samples.reduce<number | null>((newest, sample) => {
    const eventTimeMs = Math.floor(sample.eventTimeMs);
    return isEventTime(eventTimeMs) && eventTimeMs > (newest ?? -1) ? eventTimeMs : newest;
  }, before);
}
