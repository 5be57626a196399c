import type { FeatureStatistics, Preprocessing, Preprocessor, Sample } from "@everfresh/core";
import type { TrainingBatch } from "@everfresh/engine";
import { prepared } from "./preprocessing/prepared.ts";

/**
 * The samples as the model takes them, in their order.
 * @param statistics of the state that they are for. @default none: preprocessing learns nothing
 * @throws ShapeError when a sample has another number of values than the preprocessing says, or the
 *   statistics are of another one
 * @throws ValueRangeError for a missing number that no step replaces
 */
export function assembleBatch(
  preprocessing: Preprocessing | Preprocessor,
  samples: readonly Sample[],
  statistics: FeatureStatistics = [],
): TrainingBatch {
  return {
    inputs: prepared(preprocessing).transform(
      statistics,
      samples.map(({ features }) => features),
    ),
    targets: Int32Array.from(samples, ({ label }) => label),
    size: samples.length,
  };
}

/** The first `size` samples of a batch: views, not copies. */
export function headOf(batch: TrainingBatch, size: number): TrainingBatch {
  const valuesPerSample = batch.inputs.length / batch.size;
  return {
    inputs: batch.inputs.subarray(0, size * valuesPerSample),
    targets: batch.targets.subarray(0, size),
    size,
  };
}
