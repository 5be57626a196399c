import { plainShapeOf, type Preprocessing } from "../preprocessing.ts";
import type { Features } from "../sample.ts";
import type { Shape } from "../tensor.ts";
import { pipelinePreprocessor } from "./pipeline-preprocessor.ts";
import { plainPreprocessor } from "./plain-preprocessor.ts";
import type { Preprocessor } from "./preprocessor.ts";

/**
 * Prepares a description for use.
 * @throws ShapeError for steps that do not fit one another or the raw features
 */
export function preprocessorOf(spec: Preprocessing): Preprocessor {
  return spec.kind === "pipeline" ? pipelinePreprocessor(spec) : plainPreprocessor(spec);
}

/**
 * Shape of the model input of one sample, without the batch dimension.
 * @throws ShapeError as {@link preprocessorOf}
 */
export function inputShapeOf(spec: Preprocessing): Shape {
  return spec.kind === "pipeline" ? preprocessorOf(spec).inputShape : plainShapeOf(spec);
}

/**
 * Transforms a batch by a description that learns nothing: float32, samples one after another.
 * @throws ShapeError for one that needs statistics, and as {@link Preprocessor.transform}
 */
export function preprocessBatch(
  spec: Preprocessing,
  batch: readonly Features[],
): Float32Array<ArrayBuffer> {
  return preprocessorOf(spec).transform([], batch);
}
