import { FeatureBins } from "./feature-bins.ts";
import type { FittedStatistic, SlidingComparison } from "./fitted-statistic.ts";
import { type Rows, sortedColumn } from "./rows.ts";

/** How different two histograms of the same bins are. */
type HistogramDistance = (first: ArrayLike<number>, second: ArrayLike<number>) => number;

/** What a statistic of histograms is made with. */
interface HistogramOptions {
  readonly distance: HistogramDistance;
  /** As of {@link FittedStatistic}. */
  readonly valueMin: number;
  /** Rows that are compared with the reference. */
  readonly recentSamples: number;
}

/**
 * The distance of each feature's histograms, in bins that are fitted to the reference. Rows are put into
 * bins once: what is then drawn, or comes and goes, is only counted.
 */
export function histogramStatistic(reference: Rows, options: HistogramOptions): FittedStatistic {
  const bins = new RowBins(reference);
  const binned = bins.ofRows(reference);
  const known = new Histograms(bins).with(binned);
  const [drawnFirst, drawnSecond] = [new Histograms(bins), new Histograms(bins)];
  const compared = (first: Histograms, second: Histograms): Float64Array =>
    Float64Array.from(first.each, (own, feature) =>
      options.distance(own, second.each[feature] ?? []),
    );
  return {
    values: (first, second) =>
      compared(
        new Histograms(bins).with(bins.ofRows(first)),
        new Histograms(bins).with(bins.ofRows(second)),
      ),
    resampled: (first, second) =>
      compared(drawnFirst.drawn(binned, first), drawnSecond.drawn(binned, second)),
    changeAgo: (recent, parts) => {
      const feature = parts.indexOf(Math.max(...parts));
      const each = bins.each[feature];
      if (each === undefined) return recent.count;
      const columns = [reference, recent].map((rows) => binnedColumn(rows, feature, each));
      const [before = new Uint8Array(0), after = new Uint8Array(0)] = columns;
      return changeAgoOf(before, after, each.count);
    },
    valueMin: options.valueMin,
    sliding: slidingOf(bins, options.recentSamples, (recent) => compared(known, recent)),
  };
}

/** Counts the newest rows as they come and go. */
function slidingOf(
  bins: RowBins,
  capacity: number,
  compare: (recent: Histograms) => Float64Array,
): SlidingComparison {
  const { features } = bins;
  const recent = new Histograms(bins);
  /** A ring: the oldest row is at `at` once it is full. */
  const rows = new Uint16Array(capacity * features);
  let [at, count] = [0, 0];
  return {
    add(row) {
      const [from, to] = [at * features, (at + 1) * features];
      if (count === capacity) recent.add(rows, { from, to, times: -1 });
      else count++;
      bins.put(row, rows, from);
      recent.add(rows, { from, to, times: 1 });
      at = (at + 1) % capacity;
    },
    values: () => compare(recent),
  };
}

/** The bins of all features one after another: a row has one of them for each feature. */
class RowBins {
  readonly each: readonly FeatureBins[];
  readonly features: number;
  /** The first bin of each feature, and after the last how many there are. */
  readonly starts: Uint32Array;

  constructor(reference: Rows) {
    this.features = reference.features;
    this.each = Array.from(
      { length: reference.features },
      (_, feature) => new FeatureBins(sortedColumn(reference, feature)),
    );
    this.starts = new Uint32Array(this.features + 1);
    this.each.forEach(({ count }, i) => {
      this.starts[i + 1] = (this.starts[i] ?? 0) + count;
    });
  }

  /** Writes the bins of a row into `binned`, from `at` on; what is not finite is missing. */
  put(row: ArrayLike<number>, binned: Uint16Array, at: number): void {
    for (let i = 0; i < this.each.length; i++) {
      const value = row[i] ?? NaN;
      const bin = this.each[i]?.binOf(Number.isFinite(value) ? value : NaN) ?? 0;
      binned[at + i] = (this.starts[i] ?? 0) + bin;
    }
  }

  /** The bins of some rows, one row after another. */
  ofRows({ count, features, data }: Rows): Uint16Array {
    const binned = new Uint16Array(count * features);
    for (let at = 0; at < binned.length; at += features) {
      this.put(data.subarray(at, at + features), binned, at);
    }
    return binned;
  }
}

/** The histogram of each feature. */
class Histograms {
  readonly #counts: Uint32Array;
  /** Of each feature by itself, in the same memory. */
  readonly each: readonly Uint32Array[];

  constructor({ starts, each }: RowBins) {
    this.#counts = new Uint32Array(starts.at(-1) ?? 0);
    this.each = each.map((_, i) => this.#counts.subarray(starts[i], starts[i + 1]));
  }

  /** Counts the bins of a range, so many times. */
  add(
    binned: Uint16Array,
    { from, to, times }: { readonly from: number; readonly to: number; readonly times: 1 | -1 },
  ): void {
    const counts = this.#counts;
    for (let i = from; i < to; i++) {
      const bin = binned[i] ?? 0;
      counts[bin] = (counts[bin] ?? 0) + times;
    }
  }

  /** The same, once. */
  with(binned: Uint16Array): this {
    this.add(binned, { from: 0, to: binned.length, times: 1 });
    return this;
  }

  /** Those of the rows at these positions of what is given, and of no others. */
  drawn(binned: Uint16Array, positions: Uint32Array): this {
    const [counts, features] = [this.#counts, this.each.length];
    counts.fill(0);
    for (let i = 0; i < positions.length; i++) {
      const from = (positions[i] ?? 0) * features;
      for (let at = from; at < from + features; at++) {
        const bin = binned[at] ?? 0;
        counts[bin] = (counts[bin] ?? 0) + 1;
      }
    }
    return this;
  }
}

/** The bins of a feature of all rows. */
function binnedColumn(rows: Rows, feature: number, bins: FeatureBins): Uint8Array {
  return Uint8Array.from({ length: rows.count }, (_, i) =>
    bins.binOf(rows.data[i * rows.features + feature] ?? NaN),
  );
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
