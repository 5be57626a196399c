import { ShapeError } from "./errors.ts";
import type { Features } from "./sample.ts";
import { type Shape, sizeOf } from "./tensor.ts";

/**
 * The declarative transform from the raw features of a sample to the model's input. Training, server
 * and replicas run this same code on the same description, which travels with the model.
 */
export type Preprocessing = ImagePreprocessing | NumericPreprocessing;

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

/** A vector of numbers, passed on as float32. */
export interface NumericPreprocessing {
  readonly kind: "numeric";
  /** How many numbers a sample has. */
  readonly size: number;
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

/** Describes vectors of `size` numbers. */
export function numeric(size: number): NumericPreprocessing {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new ShapeError(`numeric() needs a positive size, got ${size}`);
  }
  return { kind: "numeric", size };
}

/** Shape of the model input of one sample, without the batch dimension. */
export function inputShapeOf(preprocessing: Preprocessing): Shape {
  return preprocessing.kind === "image"
    ? [preprocessing.channels, preprocessing.height, preprocessing.width]
    : [preprocessing.size];
}

/**
 * Transforms one sample into `target` from index `at` on.
 * @throws ShapeError when the sample has another number of values than the description says.
 */
export function preprocessInto(
  preprocessing: Preprocessing,
  features: Features,
  target: Float32Array,
  at: number,
): void {
  const size = sizeOf(inputShapeOf(preprocessing));
  if (features.length !== size) {
    throw new ShapeError(`Sample has ${features.length} values, the model takes ${size}`, {
      expected: size,
      actual: features.length,
    });
  }
  if (preprocessing.kind === "numeric") {
    target.set(features, at);
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

/**
 * Transforms a batch: float32, samples one after another.
 * @throws ShapeError as {@link preprocessInto}
 */
export function preprocessBatch(
  preprocessing: Preprocessing,
  batch: readonly Features[],
): Float32Array<ArrayBuffer> {
  const size = sizeOf(inputShapeOf(preprocessing));
  const target = new Float32Array(batch.length * size);
  batch.forEach((features, i) => preprocessInto(preprocessing, features, target, i * size));
  return target;
}
