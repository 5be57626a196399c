import { type DriftVerdictReport, preprocessBatch, type Sample } from "@everfresh/core";
import {
  DriftMonitor,
  type DriftMonitorCheckpoint,
  type DriftSpec,
  softmaxRows,
} from "@everfresh/learn";
import { type Answers, CLASSES, DIGIT_PIXELS } from "./digits-record.ts";

const PIXELS = 28 * 28;

/** Samples with the answers to them, as a monitor is given both. */
export interface Watched {
  readonly samples: readonly Sample[];
  readonly probabilities: readonly Float64Array[];
  readonly hits: Uint8Array;
}

/** How a monitor looks at them. */
export interface WatchOptions {
  readonly spec: DriftSpec;
  readonly seed: number;
  readonly lag: number;
}

/** What it saw. */
export interface Watching {
  /** Numbers of the newest samples when it saw drifts. */
  readonly alarms: readonly number[];
  readonly checkpoint: DriftMonitorCheckpoint;
  readonly micros: number;
}

/** Samples with their answers. */
export function watchedOf(samples: readonly Sample[], { pinned, hits }: Answers): Watched {
  return { samples, probabilities: softmaxRows(pinned, samples.length), hits };
}

/** A monitor over a stream from its first sample on. */
export function watch(watched: Watched, { spec, seed, lag }: WatchOptions): Watching {
  const monitor = new DriftMonitor({ spec, features: PIXELS, classes: CLASSES, seed });
  const startMs = performance.now();
  const alarms = alarmsOf(monitor, watched, { lag, from: 0, until: Infinity });
  const micros = (1_000 * (performance.now() - startMs)) / watched.samples.length;
  return { alarms, checkpoint: monitor.checkpoint(), micros };
}

/**
 * The number of the first sample from `from` on at which a monitor that goes on there sees a drift;
 * null without one.
 */
export function firstAlarm(
  watched: Watched,
  from: number,
  { spec, seed, lag, checkpoint }: WatchOptions & Pick<Watching, "checkpoint">,
): number | null {
  const made = { spec, features: PIXELS, classes: CLASSES, seed, checkpoint };
  return alarmsOf(new DriftMonitor(made), watched, { lag, from, until: 1 })[0] ?? null;
}

function alarmsOf(
  monitor: DriftMonitor,
  watched: Watched,
  { lag, from, until }: { readonly lag: number; readonly from: number; readonly until: number },
): readonly number[] {
  const { samples, probabilities } = watched;
  const alarms: number[] = [];
  let last = monitor.history().at(-1)?.id ?? 0;
  for (let sequence = from; sequence < samples.length && alarms.length < until; sequence++) {
    const sample = samples[sequence];
    const features = sample === undefined ? [] : preprocessBatch(DIGIT_PIXELS, [sample.features]);
    const own = { sequence, probabilities: probabilities[sequence] ?? [] };
    for (const report of [
      monitor.predicted({ ...own, eventTimeMs: NaN, version: 0, features }),
      labelled(monitor, watched, sequence - lag),
    ]) {
      const { id = 0, verdict } = report?.record ?? {};
      if (id > last && verdict === "drift") alarms.push(sequence);
      last = Math.max(id, last);
    }
  }
  return alarms;
}

function labelled(
  monitor: DriftMonitor,
  { samples, probabilities, hits }: Watched,
  sequence: number,
): DriftVerdictReport | null {
  const label = samples[sequence]?.label;
  if (label === undefined) return null;
  // Of the model that learns it is known whether it was right.
  const said = hits[sequence] === 1 ? label : (label + 1) % CLASSES;
  return monitor.labelled({
    ...{ sequence, label, probabilities: probabilities[sequence] ?? [] },
    deployedProbabilities: Array.from({ length: CLASSES }, (_, i) => (i === said ? 1 : 0)),
  });
}
