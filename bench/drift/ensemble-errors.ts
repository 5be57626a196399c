import { type DriftVerdictReport, Random } from "@everfresh/core";
import { DriftMonitor, type DriftSpec } from "@everfresh/learn";
import { median } from "../statistics.ts";
import { type BernoulliOptions, errorStreams } from "./bernoulli.ts";
import type { DriftRow } from "./rows.ts";

/** Features of a sample, and the autocorrelation of neighbours: they never change. */
const FEATURES = 8;
const FEATURE_CORRELATION = 0.5;

/** Features and probabilities of a stream, which stays as it is unless it is told to shift. */
class CorrelatedSamples {
  readonly features = new Float32Array(FEATURES);
  /** Without the shift. */
  readonly #state = new Float32Array(FEATURES);
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed, 77);
    for (let i = 0; i < FEATURES; i++) this.#state[i] = this.#random.normal();
  }

  /**
   * Goes on to the next sample, whose first feature is moved by so many deviations; returns the
   * probabilities of two classes, the first the likelier.
   */
  next(shift: number): readonly [number, number] {
    const [past, fresh] = [FEATURE_CORRELATION, Math.sqrt(1 - FEATURE_CORRELATION ** 2)];
    for (let i = 0; i < FEATURES; i++) {
      this.#state[i] = past * (this.#state[i] ?? 0) + fresh * this.#random.normal();
    }
    this.features.set(this.#state);
    const moved = (this.#state[0] ?? 0) + shift;
    this.features[0] = moved;
    const score = 1.5 * Math.abs(moved + (this.features[1] ?? 0));
    const sure = 1 / (1 + Math.exp(-score));
    return [sure, 1 - sure];
  }
}

/** Options of {@link ensembleErrorsRow}. */
export interface EnsembleErrorsOptions extends BernoulliOptions {
  readonly policy: string;
  readonly spec: DriftSpec;
  /** Deviations by which a feature moves where errors change, and doubts with it. */
  readonly shift: number;
}

/**
 * The row of the whole ensemble: the errors are those that detectors get, and beside them are features
 * and doubts, which change with them or never. A delay counts from the change to the sample that is the
 * newest when it is seen.
 */
export function ensembleErrorsRow(options: EnsembleErrorsOptions): DriftRow {
  const { policy, seeds, correlation } = options;
  const times: number[] = [];
  const delays: number[] = [];
  let [falseAlarms, detections, small, samples] = [0, 0, 0, 0];
  for (let seed = 1; seed <= seeds; seed++) {
    const { before, ...after } = errorStreams(seed, correlation);
    for (const part of ["large", "small"] as const) {
      const startedAtMs = performance.now();
      const alarms = alarmsOf([...before, ...after[part]], before.length, seed, options);
      if (part === "large") {
        falseAlarms += alarms.filter((at) => at < before.length).length;
        samples += before.length;
        times.push(((performance.now() - startedAtMs) * 1_000) / (2 * before.length));
      }
      const first = alarms.find((at) => at >= before.length);
      if (first === undefined) continue;
      detections++;
      if (part === "large") delays.push(first - before.length + 1);
      else small++;
    }
  }
  return {
    policy,
    accuracy: null,
    alarms: falseAlarms + detections,
    falseAlarmsPer10k: (falseAlarms * 10_000) / samples,
    medianDelay: delays.length === 0 ? null : median(delays),
    detectedShare: small / seeds,
    microsPerUpdate: median(times),
  };
}

/** The samples at which it alarmed, up to the first one from the change on. */
function alarmsOf(
  errors: readonly number[],
  change: number,
  seed: number,
  { lag, spec, shift }: EnsembleErrorsOptions,
): readonly number[] {
  const monitor = new DriftMonitor({ spec, features: FEATURES, classes: 2, seed });
  const stream = new CorrelatedSamples(seed);
  const probabilities: (readonly [number, number])[] = [];
  const alarms: number[] = [];
  for (let sequence = 0; sequence < errors.length + lag; sequence++) {
    const reports: (DriftVerdictReport | null)[] = [];
    if (sequence < errors.length) {
      const predicted = stream.next(sequence < change ? 0 : shift);
      probabilities.push(predicted);
      const sample = { sequence, eventTimeMs: sequence, version: 0, features: stream.features };
      reports.push(monitor.predicted({ ...sample, probabilities: predicted }));
    }
    const labelled = sequence - lag;
    const asked = probabilities[labelled];
    if (asked !== undefined) {
      const label = errors[labelled] ?? 0;
      const pinned = { probabilities: asked, deployedProbabilities: asked };
      reports.push(monitor.labelled({ sequence: labelled, label, ...pinned }));
    }
    const newest = Math.min(sequence, errors.length - 1);
    const isNew = reports.some(
      (report) => report?.record?.verdict === "drift" && report.record.at.sequence === newest,
    );
    // A drift that is still open may be confirmed at the same sample once more.
    if (isNew && alarms.at(-1) !== newest) alarms.push(newest);
    if ((alarms.at(-1) ?? -1) >= change) break;
  }
  return alarms;
}
