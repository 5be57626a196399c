import { LongRunVariance } from "./long-run-variance.ts";

/** Samples of some features, one row after another; a missing value is NaN. */
export interface Rows {
  readonly count: number;
  readonly features: number;
  /** Of count · features. */
  readonly data: Float64Array;
}

/** The rows at `positions`, in their order. */
export function rowsAt({ features, data }: Rows, positions: ArrayLike<number>): Rows {
  const picked = new Float64Array(positions.length * features);
  for (let i = 0; i < positions.length; i++) {
    const from = (positions[i] ?? 0) * features;
    picked.set(data.subarray(from, from + features), i * features);
  }
  return { count: positions.length, features, data: picked };
}

/** The values of a feature that are not missing, sorted. */
export function sortedColumn({ count, features, data }: Rows, feature: number): Float64Array {
  const column = new Float64Array(count);
  let length = 0;
  for (let i = 0; i < count; i++) {
    const value = data[i * features + feature] ?? NaN;
    if (!Number.isNaN(value)) column[length++] = value;
  }
  return column.subarray(0, length).sort();
}

/** By what each feature is made comparable: (x − mean) / deviation. */
export interface Scaling {
  readonly means: Float64Array;
  /** 1 for a constant feature. */
  readonly deviations: Float64Array;
}

/** Means and standard deviations of the features, over what is not missing. */
export function scalingOf(rows: Rows): Scaling {
  const means = new Float64Array(rows.features);
  const deviations = new Float64Array(rows.features).fill(1);
  for (let feature = 0; feature < rows.features; feature++) {
    const column = sortedColumn(rows, feature);
    if (column.length === 0) continue;
    const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
    const squares = column.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    means[feature] = mean;
    const deviation = Math.sqrt(squares / column.length);
    if (deviation > 0) deviations[feature] = deviation;
  }
  return { means, deviations };
}

/** Scaled rows; a missing value becomes the mean, 0. */
export function scaled({ count, features, data }: Rows, { means, deviations }: Scaling): Rows {
  const result = data.map((value, i) => {
    const feature = i % features;
    const x = (value - (means[feature] ?? 0)) / (deviations[feature] ?? 1);
    return Number.isNaN(x) ? 0 : x;
  });
  return { count, features, data: result };
}

/** The largest {@link LongRunVariance} of a feature, as a multiple of that of independent rows. */
export function inflationOf(rows: Rows): number {
  let inflation = 1;
  for (let feature = 0; feature < rows.features; feature++) {
    const variance = new LongRunVariance();
    for (let i = 0; i < rows.count; i++) {
      const value = rows.data[i * rows.features + feature] ?? NaN;
      if (!Number.isNaN(value)) variance.add(value);
    }
    inflation = Math.max(inflation, variance.moments().inflation);
  }
  return inflation;
}
