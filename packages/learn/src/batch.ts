import { type Preprocessing, preprocessBatch, type Sample } from "@everfresh/core";
import type { TrainingBatch } from "@everfresh/engine";

/**
 * The samples as the model takes them, in their order.
 * @throws ShapeError when a sample has another number of values than the preprocessing says
 */
export function assembleBatch(
  preprocessing: Preprocessing,
  samples: readonly Sample[],
): TrainingBatch {
  return {
    inputs: preprocessBatch(
      preprocessing,
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
