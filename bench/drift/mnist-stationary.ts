import { openTrainingSession } from "@everfresh/engine";
import {
  ConfidenceCalibration,
  detectorOf,
  type DetectorSpec,
  disagreement,
  DriftMonitor,
  type DriftVerdict,
  predictiveEntropy,
  ReconstructionSignal,
  smallMargin,
  twoSampleSignal,
  type TwoSampleSpec,
} from "@everfresh/learn";
import type { DriftRow } from "./rows.ts";
import {
  type Predictions,
  type StationaryOptions,
  stationaryStream,
  type StationaryUpdate,
  TRIGGER,
} from "./stationary-stream.ts";

/** What is run. */
export interface MnistStationaryOptions extends Omit<StationaryOptions, "seed"> {
  readonly seeds: readonly number[];
  /** Is told of every update. */
  readonly onUpdate?: (seed: number, update: number) => void;
}

/** The values of a signal at an update; NaN where there is none. */
type Values = (predictions: Predictions, labels: Int32Array) => readonly number[];

/** Numbers of an image. */
const PIXELS = 784;

const BOTH: DetectorSpec = { kind: "changeScan", direction: "both" };
const UP: DetectorSpec = { kind: "changeScan" };
const KS: TwoSampleSpec = { kind: "twoSample", statistic: "ks", features: 1 };

/** A detector of numbers, or two samples of them. */
type WatchSpec = DetectorSpec | TwoSampleSpec;

/** Signals that look at the model, by name; each is run on the pinned and on the trained one. */
function modelSignals(): Readonly<Record<string, { detector: WatchSpec; values: Values }>> {
  const calibration = new ConfidenceCalibration();
  return {
    "entropy-ks": {
      detector: KS,
      values: ({ probabilities }) => probabilities.map(predictiveEntropy),
    },
    entropy: {
      detector: BOTH,
      values: ({ probabilities }) => probabilities.map(predictiveEntropy),
    },
    margin: { detector: BOTH, values: ({ probabilities }) => probabilities.map(smallMargin) },
    disagreement: {
      detector: BOTH,
      values: ({ members }) =>
        members.flatMap((each) => (each === null ? [] : [disagreement(each)])),
    },
    "expected-error": {
      detector: BOTH,
      values: ({ probabilities }, labels) => {
        const confidences = probabilities.map((row) => Math.max(...row));
        const values = confidences.map((confidence) => calibration.expectedError(confidence));
        const wrong = errorsOf(probabilities, labels);
        confidences.forEach((confidence, i) => calibration.learn(confidence, wrong[i] === 0));
        return values;
      },
    },
    errors: {
      detector: UP,
      values: ({ probabilities }, labels) => errorsOf(probabilities, labels),
    },
    loss: {
      detector: UP,
      values: ({ probabilities }, labels) =>
        probabilities.map((row, i) => -Math.log(Math.max(1e-15, row[labels[i] ?? -1] ?? NaN))),
    },
  };
}

/** What an alarm, and an update, of a policy has come to. */
interface Total {
  readonly policy: string;
  alarms: number;
  micros: number;
  taken: number;
}

/** A policy in a run: what it makes of an update. */
interface Running extends Total {
  /** Takes values in; returns how many they were. */
  readonly take: (update: StationaryUpdate) => number;
}

/**
 * A row per signal on a stream on which nothing changes: every alarm is false. Names say which model was
 * looked at: the pinned one, or the one in training.
 */
export async function mnistStationaryRows(
  options: MnistStationaryOptions,
): Promise<readonly DriftRow[]> {
  const { seeds, updates, onUpdate, ...rest } = options;
  const totals = new Map<string, Total>();
  let [right, samples] = [0, 0];
  for (const seed of seeds) {
    const running = policiesOfRun(seed);
    await using encoder = new ReconstructionSignal({ features: PIXELS, open: openTrainingSession });
    const reconstruction = ofDetector("reconstruction", BOTH);
    let update = 0;
    for await (const seen of stationaryStream({ ...rest, updates, seed })) {
      const errors = await encoder.errors(seen.inputs, TRIGGER);
      timed(reconstruction.total, () => reconstruction.take([...errors]));
      for (const each of running) timed(each, () => each.take(seen));
      right += TRIGGER - sum(errorsOf(seen.trained.probabilities, seen.labels));
      samples += TRIGGER;
      onUpdate?.(seed, ++update);
    }
    for (const each of [...running, reconstruction.total]) addTo(totals, each);
  }
  return [...totals.values()].map(({ policy, alarms, micros, taken }) => ({
    policy,
    accuracy: right / samples,
    alarms,
    falseAlarmsPer10k: (alarms * 10_000) / samples,
    medianDelay: null,
    detectedShare: null,
    microsPerUpdate: micros / taken,
  }));
}

function policiesOfRun(seed: number): readonly Running[] {
  const ofModels = (["pinned", "trained"] as const).flatMap((which) => [
    ...Object.entries(modelSignals()).map(([name, { detector, values }]) => {
      const { total, take } = ofDetector(`${name}-${which}`, detector);
      return withTake(total, (seen) => take(values(seen[which], seen.labels)));
    }),
    ensemble(which, seed),
  ]);
  const gradient = ofDetector("gradient", UP);
  return [...ofModels, withTake(gradient.total, (seen) => gradient.take([seen.gradient]))];
}

/** A detector on numbers. */
function ofDetector(
  policy: string,
  spec: WatchSpec,
): { readonly total: Total; readonly take: (values: readonly number[]) => number } {
  const update = updateOf(spec);
  const total: Total = { policy, alarms: 0, micros: 0, taken: 0 };
  return {
    total,
    take: (values) => {
      for (const value of values) if (update(value) === "drift") total.alarms++;
      return values.length;
    },
  };
}

function updateOf(spec: WatchSpec): (value: number) => DriftVerdict {
  if (spec.kind === "twoSample") {
    const signal = twoSampleSignal(spec);
    return (value) => signal.update([value]);
  }
  const detector = detectorOf(spec);
  return (value) => detector.update(value);
}

/** The default ensemble, with labels at once. */
function ensemble(which: "pinned" | "trained", seed: number): Running {
  const monitor = new DriftMonitor({ spec: {}, features: PIXELS, classes: 10, seed });
  const total: Total = { policy: `ensemble-${which}`, alarms: 0, micros: 0, taken: 0 };
  const records = new Set<number>();
  let sequence = 0;
  return withTake(total, ({ inputs, labels, ...seen }) => {
    seen[which].probabilities.forEach((probabilities, i) => {
      const features = inputs.subarray(i * PIXELS, (i + 1) * PIXELS);
      const at = { sequence: sequence++, eventTimeMs: NaN, version: 0 };
      const label = labels[i] ?? -1;
      for (const report of [
        monitor.predicted({ ...at, features, probabilities }),
        monitor.labelled({ ...at, label, probabilities, deployedProbabilities: [] }),
      ]) {
        const record = report?.record;
        if (record?.verdict === "drift") records.add(record.id);
      }
    });
    total.alarms = records.size;
    return TRIGGER;
  });
}

/** One object, so that what is counted in `total` is seen. */
function withTake(total: Total, take: Running["take"]): Running {
  return Object.assign(total, { take });
}

function timed(total: Total, work: () => number): void {
  const startedAtMs = performance.now();
  total.taken += work();
  total.micros += (performance.now() - startedAtMs) * 1_000;
}

function addTo(totals: Map<string, Total>, { policy, alarms, micros, taken }: Total): void {
  const total = totals.get(policy) ?? { policy, alarms: 0, micros: 0, taken: 0 };
  total.alarms += alarms;
  total.micros += micros;
  total.taken += taken;
  totals.set(policy, total);
}

/** 1 for a wrong answer. */
function errorsOf(rows: readonly Float64Array[], labels: Int32Array): readonly number[] {
  return rows.map((row, i) => (row.indexOf(Math.max(...row)) === labels[i] ? 0 : 1));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
