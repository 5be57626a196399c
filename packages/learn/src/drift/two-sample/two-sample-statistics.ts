import { classifierAccuracy } from "./classifier-test.ts";
import { ProductDensity } from "./density.ts";
import { hellingerDistance, populationStability } from "./distances.ts";
import { FeatureBins } from "./feature-bins.ts";
import { ksSteps } from "./kolmogorov-smirnov.ts";
import { linearMmd, medianBandwidth } from "./linear-mmd.ts";
import { type Rows, rowsAt, scaled, scalingOf, sortedColumn } from "./rows.ts";
import type { TwoSampleStatistic } from "./two-sample-spec.ts";

/** A statistic with what it takes from the reference: bins, scales, a bandwidth. */
export interface FittedStatistic {
  /**
   * How far the second sample is from the first, more being farther: for each feature, or one number
   * for whole rows.
   */
  values(first: Rows, second: Rows): Float64Array;
  /** The same of rows of the reference, by their positions. */
  resampled(first: Uint32Array, second: Uint32Array): Float64Array;
  /** How many of the rows, the newest, differ from the reference, by the parts; absent if unknown. */
  readonly changeAgo?: (recent: Rows, parts: readonly number[]) => number;
  /**
   * Less than this is no drift, however seldom it is: where the reference is constant, nothing that
   * differs is ever drawn from it, and a single odd value would be an alarm.
   */
  readonly valueMin: number;
}

/** A statistic that has nothing of its own for resamples. */
type PlainStatistic = Pick<FittedStatistic, "values" | "valueMin">;

const FITS: {
  readonly [K in TwoSampleStatistic]: (reference: Rows) => PlainStatistic | FittedStatistic;
} = {
  hellinger: (reference) => ofHistograms(reference, hellingerDistance, 0.1),
  psi: (reference) => ofHistograms(reference, populationStability, 0.1),
  ks: () => ({ values: ksDistances, valueMin: 0.1 }),
  mmd: (reference) => {
    const scaling = scalingOf(reference);
    const bandwidth = medianBandwidth(scaled(reference, scaling));
    return {
      values: (first, second) =>
        Float64Array.of(linearMmd(scaled(first, scaling), scaled(second, scaling), bandwidth)),
      valueMin: 0.01,
    };
  },
  classifier: (reference) => {
    const scaling = scalingOf(reference);
    return {
      values: (first, second) =>
        Float64Array.of(classifierAccuracy(scaled(first, scaling), scaled(second, scaling)) - 0.5),
      valueMin: 0.05,
    };
  },
  density: () => ({
    // Fitted to the first sample, so that resamples have the same error in their histograms.
    values: (first, second) => {
      const density = new ProductDensity(first);
      const [before, after] = [density.surprises(first), density.surprises(second)];
      const sum = after.reduce((total, value, i) => total + value - (before[i] ?? 0), 0);
      // Rows that are less surprising have moved, too: towards the middle.
      return Float64Array.of(Math.abs(sum));
    },
    valueMin: 0.1,
  }),
};

/** Fits a statistic to a reference. */
export function fitStatistic(statistic: TwoSampleStatistic, reference: Rows): FittedStatistic {
  return {
    resampled(first, second) {
      return this.values(rowsAt(reference, first), rowsAt(reference, second));
    },
    ...FITS[statistic](reference),
  };
}

function ofHistograms(
  reference: Rows,
  distance: (first: ArrayLike<number>, second: ArrayLike<number>) => number,
  valueMin: number,
): FittedStatistic {
  const bins = Array.from(
    { length: reference.features },
    (_, feature) => new FeatureBins(sortedColumn(reference, feature)),
  );
  const binned = bins.map((each, feature) => binnedColumn(reference, feature, each));
  const referenceCounts = histogramsOf(reference, bins);
  const counted = (rows: Rows): readonly Float64Array[] =>
    rows === reference ? referenceCounts : histogramsOf(rows, bins);
  return {
    values: (first, second) => {
      const [before, after] = [counted(first), counted(second)];
      return Float64Array.from(bins, (_, feature) =>
        distance(before[feature] ?? [], after[feature] ?? []),
      );
    },
    resampled: (first, second) =>
      Float64Array.from(bins, (each, feature) => {
        const column = binned[feature] ?? new Uint8Array(0);
        return distance(pickedCounts(column, first, each), pickedCounts(column, second, each));
      }),
    changeAgo: (recent, parts) => {
      const feature = parts.indexOf(Math.max(...parts));
      const each = bins[feature];
      const column = binned[feature];
      if (each === undefined || column === undefined) return recent.count;
      return changeAgoOf(column, binnedColumn(recent, feature, each), each.count);
    },
    valueMin,
  };
}

/** The bins of a feature of all rows, so that they need not be looked for again. */
function binnedColumn(rows: Rows, feature: number, bins: FeatureBins): Uint8Array {
  return Uint8Array.from({ length: rows.count }, (_, i) =>
    bins.binOf(rows.data[i * rows.features + feature] ?? NaN),
  );
}

function pickedCounts(
  column: Uint8Array,
  positions: Uint32Array,
  { count }: FeatureBins,
): Float64Array {
  const counts = new Float64Array(count);
  for (let i = 0; i < positions.length; i++) {
    const bin = column[positions[i] ?? 0] ?? 0;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** The part of the recent rows, the newest, that shows what there is after a change. */
const AFTER_PART = 0.25;

/**
 * How many of the recent rows, the newest, are likelier after a change than before it: the largest sum
 * over the rows from i on of ln q / p, with p the histogram of the reference and q that of the newest
 * quarter, half a row added to each bin.
 */
function changeAgoOf(reference: Uint8Array, recent: Uint8Array, bins: number): number {
  const newest = recent.subarray(Math.floor(recent.length * (1 - AFTER_PART)));
  const surprises = (column: Uint8Array): Float64Array => {
    const counts = new Float64Array(bins).fill(0.5);
    for (const bin of column) counts[bin] = (counts[bin] ?? 0) + 1;
    return counts.map((count) => Math.log(count / (column.length + bins / 2)));
  };
  const [before, after] = [surprises(reference), surprises(newest)];
  let [sum, most, ago] = [0, 0, 1];
  for (let i = recent.length - 1; i >= 0; i--) {
    const bin = recent[i] ?? 0;
    sum += (after[bin] ?? 0) - (before[bin] ?? 0);
    if (sum > most) [most, ago] = [sum, recent.length - i];
  }
  return ago;
}

/** The histogram of each feature. */
function histogramsOf(
  { count, features, data }: Rows,
  bins: readonly FeatureBins[],
): readonly Float64Array[] {
  const histograms = bins.map((each) => new Float64Array(each.count));
  for (let i = 0; i < count; i++) {
    for (let feature = 0; feature < features; feature++) {
      const bin = bins[feature]?.binOf(data[i * features + feature] ?? NaN) ?? 0;
      const counts = histograms[feature] as Float64Array;
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }
  return histograms;
}

/** Per feature D over what is not missing, or how much more is missing, where that is more. */
function ksDistances(first: Rows, second: Rows): Float64Array {
  return Float64Array.from({ length: first.features }, (_, feature) => {
    const [a, b] = [sortedColumn(first, feature), sortedColumn(second, feature)];
    const missing = Math.abs(a.length / first.count - b.length / second.count);
    const pairs = a.length * b.length;
    return Math.max(missing, pairs === 0 ? 0 : ksSteps(a, b) / pairs);
  });
}
