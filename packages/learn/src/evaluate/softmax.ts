import { assert } from "@everfresh/core";

/**
 * Probabilities of the classes from logits, row by row: e^(z_c − m) / Σ e^(z_j − m) with m the largest
 * logit of the row, so that nothing overflows. In float64.
 * @param logits `rows` rows of equal length
 */
export function softmaxRows(logits: ArrayLike<number>, rows: number): readonly Float64Array[] {
  const columns = rows === 0 ? 0 : logits.length / rows;
  assert(Number.isSafeInteger(columns), `${logits.length} logits in ${rows} rows`);
  return Array.from({ length: rows }, (_, row) => {
    const result = new Float64Array(columns);
    let largest = -Infinity;
    for (let column = 0; column < columns; column++) {
      const logit = logits[row * columns + column] ?? Number.NaN;
      result[column] = logit;
      largest = Math.max(largest, logit);
    }
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const power = Math.exp((result[column] ?? 0) - largest);
      result[column] = power;
      sum += power;
    }
    for (let column = 0; column < columns; column++) {
      result[column] = (result[column] ?? 0) / sum;
    }
    return result;
  });
}

/** Index of the largest value, the lower one of two; −1 when no value is above −∞. */
export function argmaxRow(values: ArrayLike<number>): number {
  let best = -1;
  let bestValue = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (value > bestValue) {
      best = i;
      bestValue = value;
    }
  }
  return best;
}
