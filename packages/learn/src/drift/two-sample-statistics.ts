import { classifierAccuracy } from "./classifier-test.ts";
import { ProductDensity } from "./density.ts";
import { hellingerDistance, populationStability } from "./distances.ts";
import { FeatureBins } from "./feature-bins.ts";
import { ksSteps } from "./kolmogorov-smirnov.ts";
import { linearMmd, medianBandwidth } from "./linear-mmd.ts";
import { type Rows, scaled, scalingOf, sortedColumn } from "./rows.ts";
import type { TwoSampleStatistic } from "./two-sample-spec.ts";

/** A statistic with what it takes from the reference: bins, scales, a bandwidth. */
export interface FittedStatistic {
  /**
   * How far the second sample is from the first, more being farther: for each feature, or one number
   * for whole rows.
   */
  values(first: Rows, second: Rows): Float64Array;
  /**
   * Less than this is no drift, however seldom it is: where the reference is constant, nothing that
   * differs is ever drawn from it, and a single odd value would be an alarm.
   */
  readonly valueMin: number;
}

const FITS: { readonly [K in TwoSampleStatistic]: (reference: Rows) => FittedStatistic } = {
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
  return FITS[statistic](reference);
}

function ofHistograms(
  reference: Rows,
  distance: (first: Float64Array, second: Float64Array) => number,
  valueMin: number,
): FittedStatistic {
  const bins = Array.from(
    { length: reference.features },
    (_, feature) => new FeatureBins(sortedColumn(reference, feature)),
  );
  return {
    values: (first, second) =>
      Float64Array.from(bins, (each, feature) =>
        distance(countsOf(first, feature, each), countsOf(second, feature, each)),
      ),
    valueMin,
  };
}

function countsOf(
  { count, features, data }: Rows,
  feature: number,
  bins: FeatureBins,
): Float64Array {
  const counts = new Float64Array(bins.count);
  for (let i = 0; i < count; i++) {
    const bin = bins.binOf(data[i * features + feature] ?? NaN);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
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
