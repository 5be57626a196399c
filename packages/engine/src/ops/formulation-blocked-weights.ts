/** ∂W by convolutions on ONNX Runtime's blocked layout, see graph/blocked-layout.ts. */
import type { Value } from "../graph/builder.ts";
import { concatenate, pad, reshape, sum, takeFirst, transpose } from "../graph/expressions.ts";
import { attributesOf, layoutOf } from "./formulation-blocked.ts";
import { seenPixels } from "./formulation-product.ts";
import { type Convolution, isStrided, seesSinglePixels, tapCount } from "./formulation.ts";
import { map2 } from "./window.ts";

interface Operands {
  readonly dy: Value;
  readonly x: Value;
}

/**
 * One convolution per sample (as groups) of X with ∂Y as its kernels, pixels of a row as channels. With
 * v = w + j − left:
 *
 *   ∂W[o, c, i, j] = Σ over n of Σ over h, v of X[n, h + i − top, (c, v)] · ∂Y[n, o, h, v − j + left]
 *
 * X is in the order [n, H, C, V]: a kernel of as many rows as ∂Y has and, in blocks of b pixels, V / b
 * columns moves down by i and from channel to channel. Blocked ∂Y, read as
 * [n, O / b, rows, V / b, b of V, b of O], is that kernel as it is; for each j it is shifted, by whole
 * blocks of channels, which is a copy of long runs.
 */
export function weightGradientOfPixels(convolution: Convolution, { dy, x }: Operands): Value {
  const { window } = convolution;
  const products = seesSinglePixels(convolution)
    ? [pixelProduct(convolution, pointwiseOperands(convolution, { dy, x }))]
    : Array.from({ length: window.kernel[1] }, (_, j) =>
        pixelProduct(convolution, shiftedOperands(convolution, { dy, x }, j)),
      );
  const { builder, channels, filters } = convolution;
  const all = transpose(builder, concatenate(builder, products, 2), [0, 4, 3, 1, 2]);
  return reshape(builder, all, [filters, channels, ...window.kernel]);
}

/** Images and kernels of pixels. */
interface PixelOperands {
  /** Blocked [n, rows, C · V / b, b of V]. */
  readonly images: Value;
  readonly imageRows: number;
  /** Blocked [n · O / b, rows, V / b, b of V, b of O]. */
  readonly kernels: Value;
  readonly kernelRows: number;
  /** V / b. */
  readonly blocks: number;
  readonly before: number;
  readonly after: number;
}

/** Σ over samples of the convolutions, [O / b, kernel rows of W, 1, C, b of O]. */
function pixelProduct(
  { builder, window, samples, channels, filters }: Convolution,
  { images, imageRows, kernels, kernelRows, blocks, before, after }: PixelOperands,
): Value {
  const layout = layoutOf(builder);
  const { block } = layout;
  const { kernel, dilations } = window;
  const product = layout.emit(
    "Conv",
    [
      reshape(builder, images, [1, samples * block, imageRows, channels * blocks]),
      reshape(builder, kernels, [samples * filters, block, kernelRows, blocks]),
    ],
    { dtype: images.dtype, shape: [1, samples * filters, kernel[0], channels] },
    attributesOf({
      kernel: [kernelRows, blocks],
      strides: [dilations[0], blocks],
      before: [before, 0],
      after: [after, 0],
      groups: samples,
    }),
  );
  const perSample = reshape(builder, product, [samples, filters * kernel[0] * channels]);
  const summed = sum(builder, perSample, [0]);
  return reshape(builder, summed, [filters / block, kernel[0], 1, channels, block]);
}

/** Windows of one pixel: all pixels are one row, in the order that they have anyway. */
function pointwiseOperands(convolution: Convolution, { dy, x }: Operands): PixelOperands {
  const layout = layoutOf(convolution.builder);
  const { output } = convolution.window;
  return {
    images: isStrided(convolution) ? seenPixels(convolution, x) : x,
    imageRows: 1,
    kernels: layout.of(dy),
    kernelRows: 1,
    blocks: (output[0] * output[1]) / layout.block,
    before: 0,
    after: 0,
  };
}

/** For column j of the kernel. */
function shiftedOperands(convolution: Convolution, { dy, x }: Operands, j: number): PixelOperands {
  const { builder, window, samples, filters } = convolution;
  const layout = layoutOf(builder);
  const { block } = layout;
  const { input, output, dilations, before, after } = window;
  const start = j * dilations[1] - before[1];
  const end = input[1] - output[1] - start;
  const rows = reshape(builder, layout.of(dy), [
    samples * (filters / block) * output[0],
    output[1] * block,
  ]);
  return {
    images: rowsOf(convolution, x),
    imageRows: input[0],
    kernels: pad(builder, rows, [0, start * block], [0, end * block]),
    kernelRows: output[0],
    blocks: input[1] / block,
    before: before[0],
    after: after[0],
  };
}

/** X as [n, H, C, W]: each row of a block of channels is reordered as an image of its own. */
function rowsOf({ builder, samples, channels, window }: Convolution, x: Value): Value {
  const layout = layoutOf(builder);
  if (!layout.has(x)) return transpose(builder, x, [0, 2, 1, 3]);
  const { block } = layout;
  const [height, width] = window.input;
  const lines = [(samples * channels * height) / block, block, 1, width];
  const rows = layout.emit(
    "ReorderOutput",
    [reshape(builder, layout.of(x), lines)],
    { dtype: x.dtype, shape: lines },
    { channels: { kind: "int", value: block }, channels_last: { kind: "int", value: 0 } },
  );
  const shape = [samples, height, channels, width];
  if (channels === block) return reshape(builder, rows, shape);
  const apart = reshape(builder, rows, [samples, channels / block, height, block * width]);
  return reshape(builder, transpose(builder, apart, [0, 2, 1, 3]), shape);
}

/**
 * One convolution per sample (as groups) of X with ∂Y as its kernels, for as many channels as a block
 * has. A blocked row of X is read as one row of a plain image, b numbers per pixel:
 *
 *   ∂W[o, c, i, j] = Σ over n of Σ over h, w of X[n, h · s + i − top, ((w · s + j − left) · b + c)] · ∂Y[n, o, h, w]
 *
 * so the kernel's columns are s · b apart, and it moves from channel to channel of a pixel and on to
 * the next pixel: j and c in one. Nothing is reordered, and X is copied once, to have zeros around.
 */
export function weightGradientOfColumns(convolution: Convolution, { dy, x }: Operands): Value {
  const { builder, window, samples, channels, filters } = convolution;
  const layout = layoutOf(builder);
  const { block } = layout;
  const { input, output, kernel, strides, before } = window;
  const covered = map2((i) => (output[i] - 1) * strides[i] + kernel[i]);
  const end = map2((i) => covered[i] - input[i] - before[i]);
  const rows = reshape(builder, layout.of(x), [samples, input[0], input[1] * block]);
  const cropped = Math.min(0, end[0]);
  const image = pad(builder, rows, [0, 0, before[1] * block], [0, cropped, end[1] * block]);
  const product = layout.emit(
    "Conv",
    [
      reshape(builder, image, [1, samples, input[0] + cropped, covered[1] * block]),
      reshape(builder, layout.of(dy), [samples * filters, 1, ...output]),
    ],
    { dtype: x.dtype, shape: [1, samples * filters, kernel[0], kernel[1] * block] },
    attributesOf({
      kernel: output,
      dilations: [strides[0], strides[1] * block],
      before: [before[0], 0],
      after: [end[0] - cropped, 0],
      groups: samples,
    }),
  );
  const perSample = reshape(builder, product, [samples, filters * tapCount(window) * block]);
  const summed = sum(builder, perSample, [0]);
  const blocks = reshape(builder, summed, [filters / block, ...kernel, channels, block]);
  return reshape(builder, transpose(builder, blocks, [0, 4, 3, 1, 2]), [
    filters,
    channels,
    ...kernel,
  ]);
}

/**
 * One convolution with samples and channels exchanged: X as C images of N channels, ∂Y as kernels
 * as large as its images, strides and dilations swapped.
 */
export function weightGradientOfImages(convolution: Convolution, { dy, x }: Operands): Value {
  const { builder, window, samples, channels, filters } = convolution;
  const layout = layoutOf(builder);
  const { block } = layout;
  const { input, output, kernel, strides, dilations, before } = window;
  const exchanged = transpose(builder, x, [1, 0, 2, 3]);
  const covered = map2((i) => (kernel[i] - 1) * dilations[i] + (output[i] - 1) * strides[i] + 1);
  const end = map2((i) => covered[i] - input[i] - before[i]);
  // Padded as blocks, which are copied faster than single pixels.
  const apart = reshape(builder, layout.of(exchanged), [
    channels * (samples / block),
    ...input,
    block,
  ]);
  const padded = pad(builder, apart, [0, ...before, 0], [0, ...end, 0]);
  const image = reshape(builder, padded, [channels, samples, ...covered]);
  const kernels = transpose(
    builder,
    reshape(builder, layout.of(dy), [
      samples / block,
      block,
      filters / block,
      output[0] * output[1],
      block,
    ]),
    [2, 0, 3, 1, 4],
  );
  const product = layout.emit(
    "Conv",
    [image, reshape(builder, kernels, [filters, samples, ...output])],
    { dtype: x.dtype, shape: [channels, filters, ...kernel] },
    attributesOf({ kernel: output, strides: dilations, dilations: strides }),
  );
  // [C, O / b, elements, b]
  const blocks = reshape(builder, product, [channels, filters / block, tapCount(window), block]);
  return reshape(builder, transpose(builder, blocks, [1, 3, 0, 2]), [filters, channels, ...kernel]);
}

/** A depthwise convolution of each sample with its own ∂Y as kernels, summed over the samples. */
export function weightGradientOfDepthwise(convolution: Convolution, { dy, x }: Operands): Value {
  const { builder, window, samples, channels } = convolution;
  const layout = layoutOf(builder);
  const { block } = layout;
  const { input, output, kernel, strides, dilations, before } = window;
  const groups = samples * channels;
  const covered = map2((i) => (output[i] - 1) * strides[i] + 1);
  const missing = map2((i) => (kernel[i] - 1) * dilations[i] + covered[i] - input[i] - before[i]);
  const after = map2((i) => Math.max(0, missing[i]));
  const taps = map2(
    (i) => Math.floor((input[i] + before[i] + after[i] - covered[i]) / dilations[i]) + 1,
  );
  const image = reshape(builder, layout.of(x), [1, groups, ...input]);
  const kernels = reshape(builder, layout.of(dy), [groups, 1, ...output]);
  const product = layout.emit(
    "Conv",
    [image, kernels],
    { dtype: x.dtype, shape: [1, groups, ...taps] },
    attributesOf({ kernel: output, strides: dilations, dilations: strides, before, after, groups }),
  );
  const perSample = reshape(builder, product, [samples, channels * taps[0] * taps[1]]);
  const summed = sum(builder, perSample, [0]);
  const blocks = reshape(builder, summed, [channels / block, ...taps, block]);
  const cut = takeFirst(builder, takeFirst(builder, blocks, 1, kernel[0]), 2, kernel[1]);
  return reshape(builder, transpose(builder, cut, [0, 3, 1, 2]), [channels, 1, ...kernel]);
}
