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

/** Whether a row is as long as that, and there is a finite number in it. */
export function isRowOf(row: ArrayLike<number>, features: number): boolean {
  if (row.length !== features) return false;
  for (let i = 0; i < row.length; i++) if (Number.isFinite(row[i])) return true;
  return false;
}

/** Each row by itself. */
export function rowsOf({ count, features, data }: Rows): readonly Float64Array[] {
  return Array.from({ length: count }, (_, i) => data.subarray(i * features, (i + 1) * features));
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

/** Lags that count are up to so many times the memory that they add up to (Sokal 1997). */
const WINDOW = 5;
/** Correlation of neighbours that is believed at most. */
const CORRELATION_MAX = 0.98;
/** More memory than this part of the rows cannot be told from them. */
const LAGS_PART = 8;

/**
 * How much more the means of rows vary than those of independent ones, 1 or more: of the feature with
 * the longest memory,
 *
 *   1 + 2 Σ ρₖ  over the lags k up to m,
 *
 * with m the first that is at least five times half of that sum, so that memory under noise counts too;
 * or (1 + ρ₁) / (1 − ρ₁) where that is more. A missing value is left out.
 */
export function inflationOf({ count, features, data }: Rows): number {
  const lags = Math.floor(count / LAGS_PART);
  const column = new Float64Array(count);
  let inflation = 1;
  for (let feature = 0; feature < features; feature++) {
    let [length, sum] = [0, 0];
    let [least, most] = [Infinity, -Infinity];
    for (let i = 0; i < count; i++) {
      const value = data[i * features + feature] ?? NaN;
      if (Number.isNaN(value)) continue;
      column[length++] = value;
      sum += value;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    // A constant has none, but what rounding leaves of it would be alike everywhere.
    if (!(least < most)) continue;
    for (let i = 0; i < length; i++) column[i] = (column[i] ?? 0) - sum / length;
    inflation = Math.max(inflation, memoryOf(column.subarray(0, length), lags));
  }
  return inflation;
}

/** The same of one feature, whose mean is 0. */
function memoryOf(column: Float64Array, lags: number): number {
  const squares = column.reduce((sum, value) => sum + value * value, 0);
  if (!(squares > 0)) return 1;
  const correlation = (lag: number): number => {
    let products = 0;
    for (let i = lag; i < column.length; i++) products += (column[i] ?? 0) * (column[i - lag] ?? 0);
    return products / squares;
  };
  let memory = 1;
  for (let lag = 1; lag <= lags; lag++) {
    memory += 2 * correlation(lag);
    if (lag >= (WINDOW * memory) / 2) break;
  }
  const raw = correlation(1);
  // Kendall (1954): the estimate is (1 + 3ρ) / n too low.
  const rho = Math.min(CORRELATION_MAX, raw + (1 + 3 * raw) / column.length);
  return Math.max(memory, (1 + rho) / (1 - rho));
}
