import { Random } from "@everfresh/core";
import { DriftMonitor } from "@everfresh/learn";
import { median, quantile } from "../statistics.ts";

/** Samples of a stream, and how often it is gone through. */
const SAMPLES = 5_000;
const ROUNDS = 9;
/** Samples until every signal has its reference and its resamples. */
const FIRST = 1_000;

/** What the whole ensemble of default signals takes. */
export interface EnsembleCostRow {
  readonly features: number;
  /** Microseconds per sample, its label included: medians of the rounds. */
  readonly firstMicros: number;
  readonly laterMicros: number;
  /** The same of the fastest tenth, which other programs disturb least. */
  readonly firstMicrosUndisturbed: number;
  readonly laterMicrosUndisturbed: number;
  /** Milliseconds that the costliest sample takes. */
  readonly worstMs: number;
  /** Bytes of its checkpoint as JSON, and the milliseconds that it takes to make. */
  readonly checkpointBytes: number;
  readonly checkpointMs: number;
}

/** Times the default signals together on streams of so many features that do not change. */
export function ensembleCostRows(features: readonly number[]): readonly EnsembleCostRow[] {
  return features.map((count) => {
    const rounds = Array.from({ length: ROUNDS }, (_, round) => roundOf(count, round));
    const firsts = rounds.map(({ firstMicros }) => firstMicros);
    const laters = rounds.map(({ laterMicros }) => laterMicros);
    return {
      features: count,
      firstMicros: median(firsts),
      laterMicros: median(laters),
      firstMicrosUndisturbed: quantile(firsts, 0.1),
      laterMicrosUndisturbed: quantile(laters, 0.1),
      worstMs: median(rounds.map(({ worstMs }) => worstMs)),
      checkpointBytes: rounds[0]?.checkpointBytes ?? 0,
      checkpointMs: median(rounds.map(({ checkpointMs }) => checkpointMs)),
    };
  });
}

type Round = Pick<
  EnsembleCostRow,
  "firstMicros" | "laterMicros" | "worstMs" | "checkpointBytes" | "checkpointMs"
>;

function roundOf(count: number, seed: number): Round {
  const random = new Random(seed);
  const rows = Array.from({ length: SAMPLES }, () => {
    const features = Float32Array.from({ length: count }, () => random.normal());
    const sure = random.uniform(0.5, 1);
    return { features, probabilities: [sure, 1 - sure], label: random.float() < 0.2 ? 1 : 0 };
  });
  const monitor = new DriftMonitor({ spec: {}, features: count, classes: 2, seed });
  const times = rows.map(({ features, probabilities, label }, sequence) => {
    const startedAtMs = performance.now();
    monitor.predicted({ sequence, eventTimeMs: sequence, version: 0, features, probabilities });
    const pinned = { probabilities, deployedProbabilities: probabilities };
    monitor.labelled({ sequence, label, ...pinned });
    return performance.now() - startedAtMs;
  });
  const micros = (part: readonly number[]): number =>
    (part.reduce((sum, time) => sum + time, 0) * 1_000) / part.length;
  const startedAtMs = performance.now();
  const checkpoint = JSON.stringify(monitor.checkpoint());
  return {
    firstMicros: micros(times.slice(0, FIRST)),
    laterMicros: micros(times.slice(FIRST)),
    worstMs: Math.max(...times),
    checkpointBytes: checkpoint.length,
    checkpointMs: performance.now() - startedAtMs,
  };
}
