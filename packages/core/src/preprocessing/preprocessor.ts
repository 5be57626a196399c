import { ShapeError, ValueRangeError } from "../errors.ts";
import { inputShapeOf, type Preprocessing, preprocessInto } from "../preprocessing.ts";
import type { Random } from "../random.ts";
import type { Features } from "../sample.ts";
import type { StateTensorSpec } from "../state.ts";
import { type Shape, sizeOf } from "../tensor.ts";
import { augmentImage, checkAugmentation } from "./augment-image.ts";
import { type PreparedBranch, prepareBranch } from "./branch.ts";
import type { FeatureStatistics } from "./feature-statistics.ts";
import type { Pipeline } from "./pipeline.ts";
import { checkRaw, rawSizeOf } from "./raw-features.ts";
import { split } from "./split-float.ts";

/** What a transform is for: augmentation is for training only. */
export type TransformMode =
  { readonly kind: "serve" } | { readonly kind: "train"; readonly random: Random };

/**
 * A transform ready for use, the same in training and in serving, to the same bits everywhere: it uses
 * additions, products, quotients and square roots of IEEE float64 in a fixed order and nothing else.
 */
export interface Preprocessor {
  /** The description that it was made from. */
  readonly spec: Preprocessing | Pipeline;
  /** How many values the features of a sample have. */
  readonly rawSize: number;
  /** Shape of the model's input for one sample. */
  readonly inputShape: Shape;
  /** Its statistics as tensors of a state; none where it learns nothing. */
  readonly statistics: readonly StateTensorSpec[];
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

/** What stands before the names of a pipeline's statistics in a state. */
const PREFIX = "preprocessing";

/** Largest input of a sample: a model of that many inputs would not fit a state. */
const INPUT_SIZE_MAX = 2 ** 26;

/**
 * Prepares a description for use.
 * @throws ShapeError for steps that do not fit one another or the raw features
 */
export function preprocessorOf(spec: Preprocessing | Pipeline): Preprocessor {
  return spec.kind === "pipeline" ? new PipelinePreprocessor(spec) : plain(spec);
}

/** A transform without state. */
function plain(spec: Preprocessing): Preprocessor {
  const inputShape = inputShapeOf(spec);
  const size = sizeOf(inputShape);
  return {
    spec,
    rawSize: size,
    inputShape,
    statistics: [],
    initial: () => [],
    observe: (statistics) => statistics,
    transform: (_, batch) => {
      const inputs = new Float32Array(batch.length * size);
      batch.forEach((features, i) => preprocessInto(spec, features, inputs, i * size));
      return inputs;
    },
    augment: () => undefined,
    distance: () => 0,
  };
}

class PipelinePreprocessor implements Preprocessor {
  readonly spec: Pipeline;
  readonly rawSize: number;
  readonly inputShape: Shape;
  readonly statistics: readonly StateTensorSpec[];
  readonly #branches: readonly PreparedBranch[];

  constructor(spec: Pipeline) {
    checkRaw(spec.raw);
    if (spec.branches.length === 0) throw new ShapeError("A pipeline needs at least one branch");
    this.spec = spec;
    this.rawSize = rawSizeOf(spec.raw);
    this.#branches = spec.branches.map((branch) => prepareBranch(spec.raw, branch));
    this.inputShape = shapeOf(this.#branches);
    if (sizeOf(this.inputShape) > INPUT_SIZE_MAX) {
      throw new ShapeError(`A pipeline makes inputs of up to ${INPUT_SIZE_MAX} numbers`);
    }
    if (spec.augmentation !== undefined) checkAugmentation(spec.augmentation, this.inputShape);
    this.statistics = this.#branches.flatMap(({ statistics }, b) =>
      statistics.map(({ name, channels }): StateTensorSpec => ({
        name: `${PREFIX}.${b}.${name}`,
        role: "buffer",
        dtype: "float32",
        shape: [2, channels],
      })),
    );
  }

  initial(): FeatureStatistics {
    return this.statistics.map(({ shape }) => split(new Float64Array(shape[1] ?? 0)));
  }

  observe(statistics: FeatureStatistics, batch: readonly Features[]): FeatureStatistics {
    this.#checkStatistics(statistics);
    for (const features of batch) this.#checkSize(features);
    if (batch.length === 0) return statistics;
    let at = 0;
    return this.#branches.flatMap((branch) => {
      const own = statistics.slice(at, (at += branch.statistics.length));
      return branch.observe(own, batch);
    });
  }

  transform(
    statistics: FeatureStatistics,
    batch: readonly Features[],
    mode: TransformMode = { kind: "serve" },
  ): Float32Array<ArrayBuffer> {
    this.#checkStatistics(statistics);
    const size = sizeOf(this.inputShape);
    const inputs = new Float32Array(batch.length * size);
    let at = 0;
    let place = 0;
    for (const branch of this.#branches) {
      const own = statistics.slice(at, (at += branch.statistics.length));
      const transform = branch.open(own);
      for (const [i, features] of batch.entries()) {
        this.#checkSize(features);
        put(transform(features), inputs, i * size + place);
      }
      place += branch.size;
    }
    if (mode.kind === "train") this.augment(inputs, batch.length, mode.random);
    return inputs;
  }

  augment(inputs: Float32Array, size: number, random: Random): void {
    const { augmentation } = this.spec;
    if (augmentation === undefined) return;
    const length = sizeOf(this.inputShape);
    for (let i = 0; i < size; i++) {
      const one = inputs.subarray(i * length, (i + 1) * length);
      augmentImage(one, this.inputShape, augmentation, random);
    }
  }

  distance(from: FeatureStatistics, to: FeatureStatistics): number {
    this.#checkStatistics(from);
    this.#checkStatistics(to);
    let at = 0;
    let distance = 0;
    for (const branch of this.#branches) {
      const end = at + branch.statistics.length;
      distance = Math.max(distance, branch.distance(from.slice(at, end), to.slice(at, end)));
      at = end;
    }
    return distance;
  }

  #checkSize({ length }: Features): void {
    if (length === this.rawSize) return;
    throw new ShapeError(`Sample has ${length} values, the pipeline takes ${this.rawSize}`, {
      expected: this.rawSize,
      actual: length,
    });
  }

  #checkStatistics(statistics: FeatureStatistics): void {
    const fits =
      statistics.length === this.statistics.length &&
      this.statistics.every(({ shape }, i) => statistics[i]?.length === sizeOf(shape));
    if (!fits) throw new ShapeError("These statistics are of another pipeline");
  }
}

function shapeOf(branches: readonly PreparedBranch[]): Shape {
  const [first] = branches;
  if (branches.length === 1 && first !== undefined) return first.shape;
  return [branches.reduce((sum, { size }) => sum + size, 0)];
}

/** Largest finite float32. */
const FLOAT32_MAX = 3.4028234663852886e38;

function put(values: Float64Array, inputs: Float32Array, at: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? NaN;
    if (Number.isNaN(value)) {
      throw new ValueRangeError(
        `Number ${i} of a sample is missing and no step replaces it; add an impute step`,
        { index: i },
      );
    }
    inputs[at + i] = Math.max(-FLOAT32_MAX, Math.min(FLOAT32_MAX, value));
  }
}
