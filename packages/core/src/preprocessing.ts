import { ShapeError } from "./errors.ts";
import type { Features } from "./sample.ts";
import type { Pipeline } from "./preprocessing/pipeline.ts";
import { type Shape, sizeOf } from "./tensor.ts";

/**
 * The declarative transform from the raw features of a sample to the model's input. Training, server
 * and replicas run this same code on the same description, which travels with the model.
 */
export type Preprocessing = PlainPreprocessing | Pipeline;

/** A transform that learns nothing. */
export type PlainPreprocessing = ImagePreprocessing | NumericPreprocessing;

/** 8-bit images, planes one after another (channel, row, column): `(pixel / 255 − mean) / std`. */
export interface ImagePreprocessing {
  readonly kind: "image";
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** 1 for grey, 3 for colour. */
  readonly channels: number;
  /** Per channel, in units of the full range 0..1. */
  readonly mean: readonly number[];
  /** Per channel, in units of the full range 0..1; not 0. */
  readonly std: readonly number[];
}

/** A vector of numbers: `(number − mean) / std` as float32, or as they are without mean and std. */
export interface NumericPreprocessing {
  readonly kind: "numeric";
  /** How many numbers a sample has. */
  readonly size: number;
  /** Per number. */
  readonly mean?: readonly number[];
  /** Per number, above 0; there if and only if `mean` is. */
  readonly std?: readonly number[];
  /** What is further from the mean counts as so many deviations; above 0. @default no limit */
  readonly limit?: number;
}

/** Options of {@link image}. */
export interface ImageOptions {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** @default 1 */
  readonly channels?: number;
  /** Per channel. @default 0 for each */
  readonly mean?: readonly number[];
  /** Per channel. @default 1 for each */
  readonly std?: readonly number[];
}

/**
 * Describes 8-bit images.
 * @throws ShapeError when sizes are not positive or `mean` and `std` do not have one value per channel.
 */
export function image(options: ImageOptions): ImagePreprocessing {
  const { width, height, channels = 1 } = options;
  if (![width, height, channels].every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new ShapeError(`image() needs positive sizes, got ${width}×${height}×${channels}`);
  }
  const mean = options.mean ?? new Array<number>(channels).fill(0);
  const std = options.std ?? new Array<number>(channels).fill(1);
  if (mean.length !== channels || std.length !== channels || std.some((value) => !(value > 0))) {
    throw new ShapeError(
      `image() needs ${channels} values in mean and as many above 0 in std, got [${mean.join(", ")}] and [${std.join(", ")}]`,
    );
  }
  return { kind: "image", width, height, channels, mean, std };
}

/** Options of {@link numeric}. */
export interface NumericOptions {
  /** Per number. */
  readonly mean: readonly number[];
  /** Per number, above 0. */
  readonly std: readonly number[];
  /**
   * What is further from the mean counts as so many deviations, above 0: one number out of all
   * proportion, or one that drifts away, would otherwise drown the others. @default no limit
   */
  readonly limit?: number;
}

/**
 * Describes vectors of `size` numbers.
 * @throws ShapeError when the size is not positive, `mean` and `std` do not have one finite value per
 * number, or the limit is not above 0
 */
export function numeric(size: number, options?: NumericOptions): NumericPreprocessing {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new ShapeError(`numeric() needs a positive size, got ${size}`);
  }
  if (options === undefined) return { kind: "numeric", size };
  const { mean, std, limit } = options;
  const isRight = mean.length === size && std.length === size && mean.every(Number.isFinite);
  if (!isRight || !std.every((value) => value > 0 && Number.isFinite(value))) {
    throw new ShapeError(
      `numeric() needs ${size} finite values in mean and as many above 0 in std, got [${mean.join(", ")}] and [${std.join(", ")}]`,
    );
  }
  if (limit === undefined) return { kind: "numeric", size, mean, std };
  if (!(limit > 0 && Number.isFinite(limit))) {
    throw new ShapeError(`numeric() needs a limit above 0, got ${limit}`);
  }
  return { kind: "numeric", size, mean, std, limit };
}

/**
 * Describes vectors of numbers that are standardised by the means and deviations of these samples:
 * give those that are known before training, never ones that are still to come. A number that is the
 * same in all of them is only shifted.
 * @throws ShapeError without samples, for samples of several sizes, or a limit that is not above 0
 */
export function standardised(
  samples: readonly Features[],
  options: Pick<NumericOptions, "limit"> = {},
): NumericPreprocessing {
  const size = samples[0]?.length ?? 0;
  if (size === 0 || samples.some(({ length }) => length !== size)) {
    throw new ShapeError("standardised() needs samples, all of one size");
  }
  const mean = new Array<number>(size).fill(0);
  const squares = new Array<number>(size).fill(0);
  // Welford (1962): deviations from the running mean, exact where sums of squares cancel.
  samples.forEach((features, n) => {
    for (let i = 0; i < size; i++) {
      const before = (features[i] ?? 0) - (mean[i] ?? 0);
      mean[i] = (mean[i] ?? 0) + before / (n + 1);
      squares[i] = (squares[i] ?? 0) + before * ((features[i] ?? 0) - (mean[i] ?? 0));
    }
  });
  const std = squares.map((sum) => Math.sqrt(sum / samples.length) || 1);
  return numeric(size, { mean, std, ...options });
}

/** Shape of what a transform without state makes of one sample. */
export function plainShapeOf(preprocessing: PlainPreprocessing): Shape {
  return preprocessing.kind === "image"
    ? [preprocessing.channels, preprocessing.height, preprocessing.width]
    : [preprocessing.size];
}

/**
 * Transforms one sample, without state, into `target` from index `at` on.
 * @throws ShapeError when the sample has another number of values than the description says.
 */
export function plainInto(
  preprocessing: PlainPreprocessing,
  features: Features,
  target: Float32Array,
  at: number,
): void {
  const size = sizeOf(plainShapeOf(preprocessing));
  if (features.length !== size) {
    throw new ShapeError(`Sample has ${features.length} values, the model takes ${size}`, {
      expected: size,
      actual: features.length,
    });
  }
  if (preprocessing.kind === "numeric") {
    target.set(features, at);
    const { mean, std, limit = Infinity } = preprocessing;
    if (mean === undefined || std === undefined) return;
    for (let i = 0; i < size; i++) {
      const deviations = ((features[i] ?? 0) - (mean[i] ?? 0)) / (std[i] ?? 1);
      target[at + i] = Math.max(-limit, Math.min(limit, deviations));
    }
    return;
  }
  const plane = preprocessing.width * preprocessing.height;
  for (let channel = 0; channel < preprocessing.channels; channel++) {
    const mean = preprocessing.mean[channel] ?? 0;
    const std = preprocessing.std[channel] ?? 1;
    const scale = 1 / (255 * std);
    const shift = mean / std;
    const start = channel * plane;
    for (let i = start; i < start + plane; i++) {
      target[at + i] = (features[i] ?? 0) * scale - shift;
    }
  }
}
