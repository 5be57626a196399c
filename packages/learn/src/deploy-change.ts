import {
  type BufferChange,
  isEventTime,
  isFeatureStatistic,
  type StateChange,
  statisticsChanges,
  statisticsIn,
} from "@everfresh/core";
import type { JournalEntry } from "./journal/journal.ts";
import { type BufferSource, buffersDue, estimateBuffers } from "./running-statistics.ts";
import type { Sparsifier } from "./sparsifiers/sparsifier.ts";
import { sparsifierOf } from "./sparsifiers/sparsifier-of.ts";
import type { StepReport } from "./step-report.ts";
import { newestOf } from "./strategies/included-ranges.ts";
import { samplesAfter } from "./strategies/iteration.ts";
import { batchSizeOf } from "./strategies/strategy-spec.ts";
import type { TrainingRun } from "./training-run.ts";

/** What of a report is about deployment. */
export type Deployment = Published &
  Pick<StepReport, "selectMs" | "buffersMs" | "unsendable" | "replayed" | "replayDiffered">;

type Published = Pick<
  StepReport,
  "publishMs" | "entries" | "bufferBytes" | "updateBytes" | "replayed" | "replayDiffered"
>;

const NO_UPDATE: Published = {
  publishMs: 0,
  entries: 0,
  bufferBytes: 0,
  updateBytes: 0,
  replayed: false,
  replayDiffered: false,
};

/**
 * Deploys the largest part of what the trained state has and the deployed one has not, after a
 * retraining all of it. The statistics of preprocessing go with the weights that were trained with them;
 * the running statistics that belong to what is deployed follow at a pace of their own.
 */
export async function deployChange(entry: JournalEntry, run: TrainingRun): Promise<Deployment> {
  const { options } = run;
  const { session, deployed, clock } = options;
  const sparsifier =
    entry.iteration.kind === "retraining" ? sparsifierOfRetraining(run) : options.sparsifier;
  const samples = samplesAfter(entry.iteration);
  const source = bufferSourceOf(entry, run);
  const startMs = clock.monotonicMs();
  const runningBytes = buffersDue(source, samples);
  const statistics = statisticsOf(run);
  const bufferBytes = runningBytes + bytesOf(statistics);
  const change = {
    ...sparsifier.select(session.state, deployed.state, bufferBytes),
    buffers: statistics,
  };
  const selectedAtMs = clock.monotonicMs();
  const isDue = runningBytes > 0 && change.indices.length > 0;
  const running = isDue ? await estimateBuffers(source, change, samples) : [];
  const buffers = [...running, ...statistics].sort((a, b) => a.tensor - b.tensor);
  const estimatedAtMs = clock.monotonicMs();
  const published = await publish({ ...change, buffers }, { entry, run, sparsifier });
  return {
    selectMs: selectedAtMs - startMs,
    buffersMs: estimatedAtMs - selectedAtMs,
    unsendable: sparsifier.unsendable,
    ...published,
  };
}

/** Logs and publishes the change, then makes it to the deployed state. Without a change, nothing. */
async function publish(
  change: StateChange,
  { entry, run, sparsifier }: { entry: JournalEntry; run: TrainingRun; sparsifier: Sparsifier },
): Promise<Published> {
  const { deployed, publisher, clock } = run.options;
  const { iteration, step, nowMs, strategy } = entry;
  if (change.indices.length === 0) {
    sparsifier.published?.(null, nowMs);
    return NO_UPDATE;
  }
  const startMs = clock.monotonicMs();
  const update = deployed.updateFor(change, await newestEventTime(entry, run));
  const origin = { step, samples: samplesAfter(iteration), sampler: strategy.checkpoint.random };
  // Replicas may have taken the update that the log has at this version: so the log wins.
  const published = await publisher.publish(update, origin);
  const { update: logged, bytes, replayed } = published;
  deployed.apply(logged);
  // The statistics of preprocessing come with every update, so their bytes are those of its entries.
  const others = logged.buffers.filter(({ tensor }) => !isStatisticOf(run, tensor));
  // By the time in the journal: so a sparsifier that goes by time does the same again in a replay.
  sparsifier.published?.({ ...published, update: { ...logged, buffers: others } }, nowMs);
  return {
    publishMs: clock.monotonicMs() - startMs,
    entries: logged.indices.length,
    bufferBytes: bytesOf(logged.buffers),
    updateBytes: bytes,
    replayed,
    replayDiffered: logged.fingerprintAfter !== update.fingerprintAfter,
  };
}

/** What preprocessing knows by now, whole; the trained state and the deployed one then have the same. */
function statisticsOf({ options, preprocessor }: TrainingRun): readonly BufferChange[] {
  const { state } = options.session;
  const specs = preprocessor.statistics;
  return statisticsChanges(state.layout, specs, statisticsIn(state, specs));
}

function isStatisticOf({ options }: TrainingRun, tensor: number): boolean {
  const entry = options.deployed.state.layout.tensors[tensor];
  return entry !== undefined && isFeatureStatistic(entry);
}

function bytesOf(buffers: readonly BufferChange[]): number {
  return buffers.reduce((sum, { data }) => sum + data.byteLength, 0);
}

function sparsifierOfRetraining({ options }: TrainingRun): Sparsifier {
  return options.sparsifierOfRetraining ?? sparsifierOf({ kind: "dense", valueType: "float32" });
}

/** After a retraining the statistics follow at once: those there are belong to other weights. */
function bufferSourceOf(
  { iteration, strategy }: JournalEntry,
  { options, preprocessor }: TrainingRun,
): BufferSource {
  const { buffers = {} } = options;
  return {
    ...options,
    preprocessor,
    batchSize: batchSizeOf(strategy.spec ?? options.strategy),
    sampler: { position: strategy.checkpoint.random },
    buffers: iteration.kind === "retraining" ? { ...buffers, every: 1 } : buffers,
  };
}

/**
 * The newest event time of the samples that were trained on and of what was learned before, in whole
 * milliseconds; null when no one is known. A source whose clock is not Unix time may have any number
 * there.
 */
async function newestEventTime(
  { iteration }: JournalEntry,
  { options, batches }: TrainingRun,
): Promise<number | null> {
  const { past } = iteration;
  const trained =
    iteration.kind === "step"
      ? iteration.positions
      : newestOf(iteration.samples, Math.max(1, samplesAfter(iteration) - past)).flatMap(
          ({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i),
        );
  const times = await batches.eventTimesMs(trained);
  return times.reduce<number | null>((newest: number | null, time) => {
    const eventTimeMs = Math.floor(time);
    return isEventTime(eventTimeMs) && eventTimeMs > (newest ?? -1) ? eventTimeMs : newest;
  }, options.deployed.eventTimeMs);
}
