/**
 * The two large gradients of a convolution, each in several formulations: ONNX Runtime has no
 * gradient operators, and which ordinary operators compute them fastest depends on the shapes. The
 * choice here was measured on one CPU thread.
 */
import { assert, type Shape } from "@everfresh/core";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import {
  concatenate,
  matMul,
  pad,
  reshape,
  reverse,
  sizeAt,
  sum,
  takeFirst,
  transpose,
  transposeMatrix,
} from "../graph/expressions.ts";
import type { Attributes } from "../graph/graph.ts";
import { both, extentOf, map2, type Pair, type Window } from "./window.ts";

/** One convolution whose gradients are wanted, by standard operators. */
interface Convolution {
  readonly builder: GraphBuilder;
  readonly window: Window;
  readonly groups: number;
}

/** Kernels up to this size: a flipped convolution is faster than ConvTranspose, above it slower. */
const FLIPPED_KERNEL_MAX = 3;

/** ∂X from ∂Y and W; `shape` is X's. */
export function inputGradient(
  convolution: Convolution,
  { dy, w, shape }: { readonly dy: Value; readonly w: Value; readonly shape: Shape },
): Value {
  const { builder, window, groups } = convolution;
  const { kernel, strides, dilations, before, after } = window;
  const flips =
    groups === 1 &&
    both(
      (i) =>
        strides[i] === 1 &&
        dilations[i] === 1 &&
        kernel[i] <= FLIPPED_KERNEL_MAX &&
        before[i] < kernel[i] &&
        after[i] < kernel[i],
    );
  return flips
    ? flippedConvolution(convolution, dy, w, shape)
    : transposedConvolution({ builder, window, groups, shape }, dy, w);
}

/**
 * Moves every element of `dy` back to where its window stood, weighted by `w`: the transposed
 * convolution onto images of `shape`. General: any stride, dilation, padding and grouping.
 */
export function transposedConvolution(
  { builder, window, groups, shape }: Convolution & { readonly shape: Shape },
  dy: Value,
  w: Value,
): Value {
  const { input, output, kernel, strides, dilations, before } = window;
  const extent = extentOf(window);
  // The last window may end before the image does (then the rest gets zeros) or in the padding.
  const overhang = map2((i) => (output[i] - 1) * strides[i] + extent[i] - before[i] - input[i]);
  return builder.emit(
    "ConvTranspose",
    [dy, w],
    { dtype: dy.dtype, shape },
    {
      ...convolutionAttributes({ kernel, strides, dilations, groups }),
      pads: { kind: "ints", value: [...before, ...overhang.map((size) => Math.max(0, size))] },
      output_padding: { kind: "ints", value: overhang.map((size) => Math.max(0, -size)) },
    },
  );
}

/** ∂X[n, c] = Σₒ ∂Y[n, o] correlated with W[o, c] turned by 180°, padded by kernel − 1 − p. */
function flippedConvolution(
  { builder, window }: Convolution,
  dy: Value,
  w: Value,
  shape: Shape,
): Value {
  const { kernel, before, after } = window;
  const turned = kernel[0] * kernel[1] === 1 ? w : reverse(builder, w, [2, 3]);
  const inputs = [dy, transpose(builder, turned, [1, 0, 2, 3])];
  return builder.emit(
    "Conv",
    inputs,
    { dtype: dy.dtype, shape },
    {
      ...convolutionAttributes({ kernel }),
      pads: {
        kind: "ints",
        value: [
          ...map2((i) => kernel[i] - 1 - before[i]),
          ...map2((i) => kernel[i] - 1 - after[i]),
        ],
      },
    },
  );
}

/** ∂W from ∂Y and X; `shape` is W's. */
export function weightGradient(convolution: Convolution, operands: WeightOperands): Value {
  return WEIGHT_GRADIENTS[fastestWeightGradient(convolution, operands)](convolution, operands);
}

interface WeightOperands {
  readonly dy: Value;
  readonly x: Value;
  readonly shape: Shape;
}

type WeightGradientKind = "separatedShifts" | "allShifts" | "correlatedBatches";

/** All ways to compute ∂W, with the same result but for rounding. */
const WEIGHT_GRADIENTS: {
  readonly [K in WeightGradientKind]: (c: Convolution, operands: WeightOperands) => Value;
} = { separatedShifts, allShifts, correlatedBatches };

/** Up to so many channels and from this kernel size on, one convolution beats matrix products. */
const CORRELATED_CHANNELS_MAX = 6;
const CORRELATED_KERNEL_MIN = 5;

/** With fewer channels, one product with all column shifts beats one product for each. */
const PRODUCT_CHANNELS_MIN = 16;

function fastestWeightGradient(
  { window, groups }: Convolution,
  { shape }: WeightOperands,
): WeightGradientKind {
  const [filters = 0, channels = 0, rows = 0, columns = 0] = shape;
  if (groups > 1 || !both((i) => window.strides[i] === 1)) return "correlatedBatches";
  if (channels <= CORRELATED_CHANNELS_MAX && Math.min(rows, columns) >= CORRELATED_KERNEL_MIN) {
    return "correlatedBatches";
  }
  // Count the shifted images that are made: only X's, in all directions, or both tensors' in one.
  const all = rows * columns * channels;
  return all < rows * filters + columns * channels ? "allShifts" : "separatedShifts";
}

/**
 * Matrix products of shifted images. With r = h + i − top:
 *
 *   ∂W[o, c, i, j] = Σ over n, r, w of ∂Y[n, o, r − i + top, w] · X[n, c, r, w + j − left]
 *
 * The row shift (i) is given to ∂Y and the column shift (j) to X, so that only k + k shifted images
 * are made instead of k · k. Each shift is one Pad that cuts off on the other side.
 */
function separatedShifts(
  { builder, window }: Convolution,
  { dy, x, shape }: WeightOperands,
): Value {
  const { input, output, kernel, dilations, before } = window;
  const [n, c, o] = [sizeAt(x.shape, 0), sizeAt(x.shape, 1), sizeAt(shape, 0)];
  const pixels = input[0] * output[1];
  const rows = range(kernel[0]).map((i) => {
    const top = i * dilations[0] - before[0];
    return pad(builder, dy, [0, 0, top, 0], [0, 0, input[0] - output[0] - top, 0]);
  });
  const columns = range(kernel[1]).map((j) => {
    const start = before[1] - j * dilations[1];
    return pad(builder, x, [0, 0, 0, start], [0, 0, 0, output[1] - input[1] - start]);
  });
  const left = reshape(builder, concatenate(builder, rows, 1), [n, kernel[0] * o, pixels]);
  const grouped = c < PRODUCT_CHANNELS_MIN ? [concatenate(builder, columns, 1)] : columns;
  const products = grouped.map((right) => {
    const channels = sizeAt(right.shape, 1);
    const matrix = reshape(builder, right, [n, channels, pixels]);
    const perImage = matMul(builder, left, transposeMatrix(builder, matrix));
    return reshape(builder, sum(builder, perImage, [0]), [kernel[0], o, channels / c, c]);
  });
  return transpose(builder, concatenate(builder, products, 2), [1, 3, 0, 2]);
}

/**
 * One matrix product of ∂Y with X shifted by every element of the kernel:
 *
 *   ∂W[o, c, i, j] = Σ over n, h, w of ∂Y[n, o, h, w] · X[n, c, h + i − top, w + j − left]
 */
function allShifts({ builder, window }: Convolution, { dy, x, shape }: WeightOperands): Value {
  const { input, output, kernel, dilations, before } = window;
  const [n, c, o] = [sizeAt(x.shape, 0), sizeAt(x.shape, 1), sizeAt(shape, 0)];
  const pixels = output[0] * output[1];
  const taps = range(kernel[0]).flatMap((i) =>
    range(kernel[1]).map((j) => {
      const start = [before[0] - i * dilations[0], before[1] - j * dilations[1]] as const;
      const end = map2((axis) => output[axis] - input[axis] - start[axis]);
      return pad(builder, x, [0, 0, ...start], [0, 0, ...end]);
    }),
  );
  const right = reshape(builder, concatenate(builder, taps, 1), [n, taps.length * c, pixels]);
  const left = reshape(builder, dy, [n, o, pixels]);
  const perImage = matMul(builder, left, transposeMatrix(builder, right));
  const summed = reshape(builder, sum(builder, perImage, [0]), [o, ...kernel, c]);
  return transpose(builder, summed, [0, 3, 1, 2]);
}

/**
 * One convolution with channels and samples exchanged: X as the images, ∂Y as the kernels, strides
 * and dilations swapped. General, and slower; groups become groups again.
 */
function correlatedBatches(
  { builder, window, groups }: Convolution,
  { dy, x, shape }: WeightOperands,
): Value {
  const { input, output, kernel, strides, dilations, before } = window;
  const [n, channels] = [sizeAt(x.shape, 0), sizeAt(x.shape, 1)];
  const [filters, perGroup] = [sizeAt(shape, 0), sizeAt(shape, 1)];
  assert(perGroup * groups === channels, "the groups share the channels");
  const grouped = reshape(builder, x, [n, groups, perGroup, ...input]);
  const images = reshape(builder, transpose(builder, grouped, [2, 1, 0, 3, 4]), [
    perGroup,
    groups * n,
    ...input,
  ]);
  const kernels = transpose(builder, dy, [1, 0, 2, 3]);
  const covered = map2((i) => (output[i] - 1) * strides[i] + 1);
  // Pixels that no window reached would give more taps than the kernel has; they are cut off after.
  const missing = map2((i) => (kernel[i] - 1) * dilations[i] + covered[i] - input[i] - before[i]);
  const taps = map2((i) => {
    const room = input[i] + before[i] + Math.max(0, missing[i]) - covered[i];
    return Math.floor(room / dilations[i]) + 1;
  });
  const type = { dtype: x.dtype, shape: [perGroup, filters, ...taps] };
  const correlated = builder.emit("Conv", [images, kernels], type, {
    ...convolutionAttributes({ kernel: output, strides: dilations, dilations: strides, groups }),
    pads: { kind: "ints", value: [...before, ...missing.map((size) => Math.max(0, size))] },
  });
  const cut = takeFirst(builder, takeFirst(builder, correlated, 2, kernel[0]), 3, kernel[1]);
  return transpose(builder, cut, [1, 0, 2, 3]);
}

function convolutionAttributes(options: {
  readonly kernel: Pair;
  readonly strides?: Pair;
  readonly dilations?: Pair;
  readonly groups?: number;
}): Attributes {
  const { kernel, strides = [1, 1], dilations = [1, 1], groups = 1 } = options;
  return {
    kernel_shape: { kind: "ints", value: kernel },
    strides: { kind: "ints", value: strides },
    dilations: { kind: "ints", value: dilations },
    group: { kind: "int", value: groups },
  };
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}
