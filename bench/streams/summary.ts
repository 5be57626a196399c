import { type StreamExperiment } from "./experiments.ts";
import { type StreamRow, WINDOW } from "./row.ts";

/** A number over the seeds. */
export interface Spread {
  readonly mean: number;
  /** With n − 1; 0 for one seed. */
  readonly deviation: number;
}

/** How a strategy did over all seeds. */
export interface RowSummary {
  readonly strategy: string;
  readonly label: string;
  readonly seeds: number;
  readonly accuracy: Spread;
  /** Points below the best strategy of the same stream and lag; those that are no rows do not count. */
  readonly belowBest: number;
  readonly kappaTemporal: Spread;
  readonly steps: number;
  /** Of training and preprocessing. */
  readonly seconds: number;
  /** Only where the concept changes at a known place. */
  readonly recovery?: Recovery;
}

/** How long it took to come back after a drift. */
export interface Recovery {
  /**
   * For each reference samples from the end of the change on, of each seed; null where it never came
   * back.
   */
  readonly samples: Readonly<Record<string, readonly (number | null)[]>>;
  /** Mean over all samples since the change ended. */
  readonly accuracyAfter: Spread;
}

/** Accuracy may be so far below that of the model that knows the new concept only. */
const NEAR = 0.01;

/** Mean and standard deviation. */
export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, deviation: 0 };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}

/** The strategies of one stream and one lag, in the order of the experiment. */
export function summariesOf(
  experiment: StreamExperiment,
  rows: readonly StreamRow[],
): readonly RowSummary[] {
  const references = experiment.strategies.filter(({ isReference }) => isReference);
  const isReference = (name: string): boolean => references.some((each) => each.name === name);
  const summaries = experiment.strategies.flatMap(({ name, label }): readonly RowSummary[] => {
    const own = rows.filter(({ strategy }) => strategy === name);
    if (own.length === 0) return [];
    const recovery = recoveryOf(
      experiment,
      own,
      rows.filter((row) => isReference(row.strategy)),
    );
    const mean = (value: (row: StreamRow) => number): number => spreadOf(own.map(value)).mean;
    return [
      {
        strategy: name,
        label,
        seeds: own.length,
        accuracy: spreadOf(own.map(({ accuracy }) => accuracy)),
        belowBest: 0,
        kappaTemporal: spreadOf(own.map(({ kappaTemporal }) => kappaTemporal ?? 0)),
        steps: mean(({ costs }) => costs.steps),
        seconds: mean(({ costs }) => costs.trainSeconds + costs.preprocessSeconds),
        ...(recovery === null ? {} : { recovery }),
      },
    ];
  });
  const compared = summaries.filter(({ strategy }) => !isReference(strategy));
  const best = Math.max(...compared.map(({ accuracy }) => accuracy.mean));
  return summaries.map((each) => ({ ...each, belowBest: best - each.accuracy.mean }));
}

/** The samples of a stream from which on its concept is the new one; null where nobody knows. */
function changeEndOf(experiment: StreamExperiment, scale: number): number | null {
  const { drift, initialSamples } = experiment;
  if (drift === undefined) return null;
  return Math.round(scale * (drift.fromSample + drift.overSamples - initialSamples));
}

function recoveryOf(
  experiment: StreamExperiment,
  rows: readonly StreamRow[],
  references: readonly StreamRow[],
): Recovery | null {
  const change = changeEndOf(experiment, rows[0]?.scale ?? 1);
  if (change === null || references.length === 0) return null;
  const names = new Set(references.map(({ strategy }) => strategy));
  const samplesTo = (name: string): readonly (number | null)[] =>
    rows.map((row) => {
      const reference = references.find(
        ({ strategy, seed }) => strategy === name && seed === row.seed,
      );
      return reference === undefined ? null : recoverySamples(row, reference, change);
    });
  return {
    samples: Object.fromEntries([...names].map((name) => [name, samplesTo(name)])),
    accuracyAfter: spreadOf(rows.map((row) => accuracyFrom(row, change))),
  };
}

/**
 * Samples of the new concept until the accuracy over the newest {@link WINDOW}, all of them of the new
 * concept, is within 1 point of the reference's over the same ones; null when it never is.
 */
export function recoverySamples(
  { curve, curveEvery }: Pick<StreamRow, "curve" | "curveEvery">,
  reference: Pick<StreamRow, "curve">,
  change: number,
): number | null {
  const point = curve.findIndex((accuracy, i) => {
    const isNew = (i + 1) * curveEvery >= change + WINDOW;
    return isNew && accuracy >= (reference.curve[i] ?? 1) - NEAR;
  });
  return point < 0 ? null : (point + 1) * curveEvery - change;
}

/** Accuracy over all samples from one on, from windows that follow one another. */
function accuracyFrom({ curve, curveEvery }: StreamRow, from: number): number {
  const windows = curve.filter((_, i) => {
    const end = (i + 1) * curveEvery;
    return end >= from + WINDOW && (end - from) % WINDOW === 0;
  });
  return spreadOf(windows).mean;
}
