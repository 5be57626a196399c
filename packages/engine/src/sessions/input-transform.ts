import {
  type Features,
  type FeatureStatistics,
  loadPreprocessor,
  type ModelState,
  type Preprocessing,
  type Preprocessor,
  samplesIn,
  ShapeError,
  type StateLayout,
} from "@everfresh/core";

/**
 * From what a prediction is given to the inputs of a graph: raw features by a model's preprocessing,
 * under the statistics of the state that answers; without one they are the inputs.
 */
export class InputTransform {
  readonly #preprocessor: Preprocessor | null;

  private constructor(preprocessor: Preprocessor | null) {
    this.#preprocessor = preprocessor;
  }

  /** @throws ShapeError for a description that makes no transform, or a layout without its statistics */
  static async open(
    preprocessing: Preprocessing | null,
    layout: StateLayout,
  ): Promise<InputTransform> {
    return new InputTransform(
      preprocessing === null ? null : await loadPreprocessor(preprocessing, layout),
    );
  }

  /**
   * The statistics that a state has now: copies, which later updates leave alone.
   * @throws ShapeError when it lacks one
   */
  statisticsIn(state: ModelState): FeatureStatistics {
    return this.#preprocessor?.statisticsIn(state) ?? [];
  }

  /**
   * The graph's inputs for `size` samples.
   * @throws ShapeError when the features are not of so many samples
   * @throws ValueRangeError for a missing number that no step replaces
   */
  inputsOf(features: Features, size: number, statistics: FeatureStatistics): Float32Array {
    if (this.#preprocessor === null) {
      if (features instanceof Float32Array) return features;
      throw new ShapeError("Without preprocessing a model takes float32 inputs, got bytes");
    }
    const samples = samplesIn(features, size, this.#preprocessor.rawSize);
    return this.#preprocessor.transform(statistics, samples);
  }
}
