import { ShapeError, ValueRangeError } from "@everfresh/core";
import type { ClassIndexTarget } from "../losses/loss.ts";
import { checkInputs } from "./predictor.ts";
import { sampleLength, targetLength, type TrainingProgram } from "./training-program.ts";
import type { TrainingBatch } from "./training-session.ts";

/**
 * @throws ShapeError when an array has another length than the model, the loss or `batchSize` want
 * @throws ValueRangeError when a class is none of the model's, or a weight none that works
 */
export function checkBatch(
  batch: TrainingBatch,
  program: TrainingProgram,
  batchSize: number,
): void {
  const { inputs, targets, weights, size } = batch;
  const { target } = program.step;
  checkSize(size, batchSize);
  checkInputs(inputs, size, sampleLength(program.input));
  const length = size * targetLength(target);
  if (targets.length !== length) {
    throw new ShapeError(
      `Batch of ${size} samples has ${targets.length} targets where the loss takes ${length}`,
      { size, expected: length, actual: targets.length },
    );
  }
  if (weights !== undefined) checkWeights(weights, size);
  if (target.kind === "classIndex") checkClasses(targets, target, weights);
}

/** @throws ShapeError for more samples than a session takes */
export function checkSize(size: number, batchSize: number): void {
  if (size <= batchSize) return;
  throw new ShapeError(`Batch has ${size} samples; this session takes at most ${batchSize}`);
}

/** @throws ValueRangeError when a batch is so small that a BatchNormalization has no variance */
export function checkStatistics(
  { size }: Pick<TrainingBatch, "size">,
  { step }: TrainingProgram,
): void {
  const { batchSize, outputs } = step;
  const single = outputs.moments.find(({ elements }) => (elements / batchSize) * size === 1);
  if (single === undefined) return;
  throw new ValueRangeError(
    `BatchNormalization with "${single.runningMean}" has one number per channel in a batch of ` +
      `${size}; train with 2 samples or more`,
    { size, runningMean: single.runningMean },
  );
}

function checkWeights(weights: Float32Array, size: number): void {
  if (weights.length !== size) {
    throw new ShapeError(`Batch of ${size} samples has ${weights.length} weights`);
  }
  const wrong = weights.findIndex((weight) => !(weight >= 0 && Number.isFinite(weight)));
  if (wrong >= 0) {
    throw new ValueRangeError(
      `Weight ${weights[wrong] ?? NaN} of sample ${wrong} is not a number of 0 or more`,
      { sample: wrong, weight: weights[wrong] },
    );
  }
}

function checkClasses(
  targets: TrainingBatch["targets"],
  { classes, ignoreIndex }: ClassIndexTarget,
  weights: Float32Array | undefined,
): void {
  // By number: entries() would make an array of each.
  for (let sample = 0; sample < targets.length; sample++) {
    const target = targets[sample] ?? NaN;
    if (Number.isInteger(target) && target >= 0 && target < classes) continue;
    // A sample that does not count may have any target.
    if (target === ignoreIndex || weights?.[sample] === 0) continue;
    throw new ValueRangeError(
      `Target ${target} of sample ${sample} is not a class from 0 to ${classes - 1}`,
      { sample, target, classes },
    );
  }
}
