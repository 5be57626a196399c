import { ShapeError, ValueRangeError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Features } from "../sample.ts";
import type { ModelState, StateLayout, StateTensorSpec } from "../state.ts";
import { type Shape, sizeOf } from "../tensor.ts";
import { augmentImage, checkAugmentation } from "./augment-image.ts";
import { type PreparedBranch, prepareBranch } from "./branch.ts";
import { checkStatistics, type FeatureStatistics, statisticsIn } from "./feature-statistics.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Preprocessor, TransformMode } from "./preprocessor.ts";
import { pipelineFieldsOf } from "./pipeline-fields.ts";
import { checkRaw } from "./raw-features.ts";
import { sizeOfRaw } from "./raw-size.ts";
import { split } from "./split-float.ts";
import { statisticName } from "./statistic-name.ts";

/** Largest input of a sample: a model of that many inputs would not fit a state. */
const INPUT_SIZE_MAX = 2 ** 26;

/**
 * Prepares a transform with state.
 * @throws ShapeError for steps that do not fit one another or the raw features
 */
export function pipelinePreprocessor(spec: Pipeline): Preprocessor {
  return new PipelinePreprocessor(spec);
}

/**
 * Prepares a transform with state that JSON from outside describes.
 * @throws ShapeError for a field that is wrong, as {@link pipelinePreprocessor}, or unless the
 *   statistics in the layout are its own
 */
export function describedPreprocessor(json: unknown, layout: StateLayout): Preprocessor {
  const preprocessor = new PipelinePreprocessor(pipelineFieldsOf(json));
  checkStatistics(layout, preprocessor.statistics);
  return preprocessor;
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
    this.rawSize = sizeOfRaw(spec.raw);
    let size = 0;
    this.#branches = spec.branches.map((branch) => {
      const prepared = prepareBranch(spec.raw, branch);
      size += prepared.size;
      // At once: a description from outside may have many branches, each with memory of its size.
      if (size > INPUT_SIZE_MAX) {
        throw new ShapeError(`A pipeline makes inputs of up to ${INPUT_SIZE_MAX} numbers`);
      }
      return prepared;
    });
    this.inputShape = shapeOf(this.#branches);
    if (spec.augmentation !== undefined) checkAugmentation(spec.augmentation, this.inputShape);
    this.statistics = this.#branches.flatMap(({ statistics }, b) =>
      statistics.map(({ name, channels }): StateTensorSpec => ({
        name: statisticName(b, name),
        role: "buffer",
        dtype: "float32",
        shape: [2, channels],
      })),
    );
  }

  statisticsIn(state: ModelState): FeatureStatistics {
    return statisticsIn(state, this.statistics);
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
