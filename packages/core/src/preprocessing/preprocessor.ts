import type { Preprocessing } from "../preprocessing.ts";
import type { Random } from "../random.ts";
import type { Features } from "../sample.ts";
import type { ModelState, StateTensorSpec } from "../state.ts";
import type { Shape } from "../tensor.ts";
import type { FeatureStatistics } from "./feature-statistics.ts";

/** What a transform is for: augmentation is for training only. */
export type TransformMode =
  { readonly kind: "serve" } | { readonly kind: "train"; readonly random: Random };

/**
 * A transform ready for use, the same in training and in serving, to the same bits everywhere: it uses
 * additions, products, quotients and square roots of IEEE float64 in a fixed order and nothing else.
 */
export interface Preprocessor {
  /** The description that it was made from. */
  readonly spec: Preprocessing;
  /** How many values the features of a sample have. */
  readonly rawSize: number;
  /** Shape of the model's input for one sample. */
  readonly inputShape: Shape;
  /** Its statistics as tensors of a state; none where it learns nothing. */
  readonly statistics: readonly StateTensorSpec[];
  /**
   * The statistics in a state whose layout has them: copies, which later updates leave alone.
   * @throws ShapeError when one is missing or of another kind
   */
  statisticsIn(state: ModelState): FeatureStatistics;
  /** Statistics of no samples. */
  initial(): FeatureStatistics;
  /**
   * The statistics with a batch of new samples taken in, each step by what the steps before it make of
   * the batch under their new statistics.
   * @throws ShapeError for features of another size or kind
   */
  observe(statistics: FeatureStatistics, batch: readonly Features[]): FeatureStatistics;
  /**
   * The model's input for a batch: float32, samples one after another.
   * @throws ShapeError for features of another size or kind, or statistics of another pipeline
   * @throws ValueRangeError for a missing number that no step has replaced
   */
  transform(
    statistics: FeatureStatistics,
    batch: readonly Features[],
    mode?: TransformMode,
  ): Float32Array<ArrayBuffer>;
  /** Changes inputs of `size` samples in place as a training batch is changed. */
  augment(inputs: Float32Array, size: number, random: Random): void;
  /**
   * How far inputs under the statistics `from` may be from those under `to`: for a single step that
   * learns, at most distance · (1 + |input|). 0 for equal ones, Infinity where nothing was known.
   */
  distance(from: FeatureStatistics, to: FeatureStatistics): number;
}
