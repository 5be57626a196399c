import { Random } from "@everfresh/core";
import { adam, lenet5, openTrainingSession } from "@everfresh/engine";
import {
  ConfidenceCalibration,
  disagreement,
  DriftMonitor,
  PerformanceEstimate,
  PinnedMembers,
  predictiveEntropy,
  ReconstructionSignal,
  Reliability,
  smallMargin,
  twoSampleSignal,
} from "@everfresh/learn";
import { median, quantile } from "../statistics.ts";

const CLASSES = 10;
const PIXELS = 784;
/** Rounds of each measurement, and values in one. */
const ROUNDS = 40;
const VALUES = 1_000;
/** New samples per step, and samples in its batch. */
const TRIGGER = 8;
const BATCH = 128;

/** What a signal takes per sample. */
export interface SignalCostRow {
  readonly signal: string;
  /** Microseconds per sample: the median of the rounds, and of the fastest tenth of them. */
  readonly micros: number;
  readonly microsUndisturbed: number;
}

/** Times each signal on random predictions of ten classes and random rows. */
export async function signalCostRows(): Promise<readonly SignalCostRow[]> {
  const random = new Random(1);
  const rows = Array.from({ length: VALUES }, () => probabilitiesOf(random));
  const members = rows.map(() => Array.from({ length: 4 }, () => probabilitiesOf(random)));
  const right = rows.map(() => random.float() < 0.9);
  const features = rows.map(() => Float64Array.from({ length: 8 }, () => random.normal()));
  const at = <T>(values: readonly T[], i: number): T => values[i % VALUES] as T;
  const confidence = (i: number): number => Math.max(...at(rows, i));
  const calibration = new ConfidenceCalibration();
  const estimate = new PerformanceEstimate();
  const reliability = new Reliability();
  const hellinger = twoSampleSignal({ kind: "twoSample", statistic: "hellinger", features: 8 });
  const perSample: Readonly<Record<string, (i: number) => unknown>> = {
    entropy: (i) => predictiveEntropy(at(rows, i)),
    margin: (i) => smallMargin(at(rows, i)),
    "disagreement of 4": (i) => disagreement(at(members, i)),
    "expected error": (i) => calibration.expectedError(confidence(i)),
    "its label": (i) => {
      calibration.learn(confidence(i), at(right, i));
    },
    "estimated accuracy, a prediction and a label": (i) => {
      estimate.predicted(i, confidence(i));
      if (i >= 500) estimate.labelled(i - 500, confidence(i - 500), at(right, i));
    },
    reliability: (i) => {
      reliability.add(confidence(i), at(right, i));
    },
    "Hellinger, 8 features": (i) => hellinger.update(at(features, i)),
    "ensemble, 8 features": ensembleOf(8, (i) => at(features, i), rows),
  };
  const timed = Object.entries(perSample).map(([signal, work]) => rowOf(signal, rounds(work)));
  return [
    ...timed,
    await reconstructionCost(8, random),
    await reconstructionCost(PIXELS, random),
    await membersCost(random),
  ];
}

/** The default ensemble: a sample, and its label at once. */
function ensembleOf(
  features: number,
  rowAt: (i: number) => ArrayLike<number>,
  probabilities: readonly Float64Array[],
): (i: number) => void {
  const monitor = new DriftMonitor({ spec: {}, features, classes: CLASSES, seed: 1 });
  let sequence = 0;
  return (i) => {
    const own = probabilities[i % probabilities.length] ?? [];
    const at = { sequence: sequence++, eventTimeMs: sequence, version: 0, probabilities: own };
    monitor.predicted({ ...at, features: rowAt(i) });
    monitor.labelled({ ...at, label: i % CLASSES, deployedProbabilities: own });
  };
}

async function reconstructionCost(features: number, random: Random): Promise<SignalCostRow> {
  const spec = { referenceSamples: 200, delaySamples: 0, steps: 20 };
  const options = { features, spec, open: openTrainingSession };
  await using signal = new ReconstructionSignal(options);
  const rows = Float32Array.from({ length: 200 * features }, () => random.normal());
  await signal.errors(rows, 200);
  const some = rows.subarray(0, TRIGGER * features);
  const micros = await asyncRounds(() => signal.errors(some, TRIGGER));
  return rowOf(`reconstruction, ${features} features, 8 at a time`, micros);
}

async function membersCost(random: Random): Promise<SignalCostRow> {
  const model = lenet5();
  const options = { optimizer: adam(), batchSize: BATCH };
  await using session = await openTrainingSession(model, options);
  const past = {
    versions: () => Promise.resolve([0, 1, 2, 3]),
    stateAt: () => Promise.resolve(model.state),
  };
  const members = await PinnedMembers.newest(past, { members: 4, everySamples: TRIGGER });
  const inputs = Float32Array.from({ length: TRIGGER * PIXELS }, () => random.normal());
  let sequence = 0;
  const micros = await asyncRounds(() => {
    sequence += TRIGGER;
    return members.predict(session, inputs, TRIGGER, sequence);
  });
  return rowOf("four members, LeNet-5, one sample in 8", micros);
}

function probabilitiesOf(random: Random): Float64Array {
  const powers = Float64Array.from({ length: CLASSES }, () => Math.exp(3 * random.normal()));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Microseconds per call, per round. */
function rounds(work: (i: number) => unknown): readonly number[] {
  let i = 0;
  return Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now();
    for (let n = 0; n < VALUES; n++) work(i++);
    return (1_000 * (performance.now() - startMs)) / VALUES;
  });
}

/** Microseconds per sample of calls for eight, per call. */
async function asyncRounds(work: () => Promise<unknown>): Promise<readonly number[]> {
  const micros: number[] = [];
  for (let call = 0; call < 300; call++) {
    const startMs = performance.now();
    await work();
    if (call >= 50) micros.push((1_000 * (performance.now() - startMs)) / TRIGGER);
  }
  return micros;
}

function rowOf(signal: string, micros: readonly number[]): SignalCostRow {
  return { signal, micros: median(micros), microsUndisturbed: quantile(micros, 0.1) };
}
