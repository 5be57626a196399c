import { assert } from "@everfresh/core";

/**
 * Probabilities of the classes from logits, row by row: e^(z_c − m) / Σ e^(z_j − m) with m the largest
 * logit of the row, so that nothing overflows. In float64.
 * @param logits `rows` rows of equal length
 */
export function softmaxRows(logits: ArrayLike<number>, rows: number): readonly Float64Array[] {
  const columns = rows === 0 ? 0 : logits.length / rows;
  assert(Number.isSafeInteger(columns), `${logits.length} logits in ${rows} rows`);
  return Array.from({ length: rows }, (_, row) =>
    softmaxInto(new Float64Array(columns), logits, row * columns),
  );
}

/** The same of one row, which begins at `at` and is as long as `into`; returns `into`. */
export function softmaxInto(
  into: Float64Array,
  logits: ArrayLike<number>,
  at: number,
): Float64Array {
  let largest = -Infinity;
  for (let i = 0; i < into.length; i++) {
    largest = Math.max(largest, logits[at + i] ?? Number.NaN);
  }
  let sum = 0;
  for (let i = 0; i < into.length; i++) {
    const power = Math.exp((logits[at + i] ?? Number.NaN) - largest);
    into[i] = power;
    sum += power;
  }
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) / sum;
  return into;
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
