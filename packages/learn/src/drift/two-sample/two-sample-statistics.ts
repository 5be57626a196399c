import { classifierAccuracy } from "./classifier-test.ts";
import { ProductDensity } from "./density.ts";
import { hellingerDistance, populationStability } from "./distances.ts";
import type { FittedStatistic } from "./fitted-statistic.ts";
import { histogramStatistic } from "./histogram-statistic.ts";
import { ksSteps } from "./kolmogorov-smirnov.ts";
import { linearMmd, medianBandwidth } from "./linear-mmd.ts";
import { type Rows, rowsAt, scaled, scalingOf, sortedColumn } from "./rows.ts";
import type { TwoSampleStatistic } from "./two-sample-spec.ts";

/** A statistic that has nothing of its own for resamples. */
type PlainStatistic = Pick<FittedStatistic, "values" | "valueMin">;

const FITS: {
  readonly [K in TwoSampleStatistic]: (
    reference: Rows,
    recentSamples: number,
  ) => PlainStatistic | FittedStatistic;
} = {
  hellinger: (reference, recentSamples) =>
    histogramStatistic(reference, { distance: hellingerDistance, valueMin: 0.1, recentSamples }),
  psi: (reference, recentSamples) =>
    histogramStatistic(reference, { distance: populationStability, valueMin: 0.1, recentSamples }),
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

/** Fits a statistic to a reference. @param recentSamples rows that are compared with it */
export function fitStatistic(
  statistic: TwoSampleStatistic,
  reference: Rows,
  recentSamples: number,
): FittedStatistic {
  return {
    resampled(first, second) {
      return this.values(rowsAt(reference, first), rowsAt(reference, second));
    },
    ...FITS[statistic](reference, recentSamples),
  };
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
