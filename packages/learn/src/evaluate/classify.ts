import { assert, type ModelState } from "@everfresh/core";
import type { TrainingBatch, TrainingSession } from "@everfresh/engine";
import { argmaxRow } from "./softmax.ts";

/** What evaluation needs of a training session. */
export type Predictor = Pick<TrainingSession, "predict">;

/** Whether a model in this state classifies each sample of the batch correctly, in their order. */
export async function outcomesOf(
  predictor: Predictor,
  state: ModelState,
  { inputs, targets, size }: TrainingBatch,
): Promise<readonly boolean[]> {
  const logits = await predictor.predict(state, inputs, size);
  const predicted = argmaxRows(logits, size);
  return Array.from(targets.subarray(0, size), (target, i) => predicted[i] === target);
}

/**
 * Index of the largest value of each of the `rows` rows of equal length, the lower index where two are
 * equal; −1 for a row without a value above −∞ (all NaN, for example).
 */
export function argmaxRows(values: Float32Array, rows: number): Int32Array {
  const columns = rows === 0 ? 0 : values.length / rows;
  assert(Number.isSafeInteger(columns), `${values.length} values in ${rows} rows`);
  return Int32Array.from({ length: rows }, (_, row) =>
    argmaxRow(values.subarray(row * columns, (row + 1) * columns)),
  );
}
