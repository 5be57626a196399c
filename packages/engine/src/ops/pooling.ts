/** Operators that summarise windows of an image. */
import { assert, sizeOf } from "@everfresh/core";
import { intAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import {
  divide,
  expand,
  isEqual,
  matMul,
  multiply,
  reshape,
  scale,
  sizeAt,
  sum,
  upsample,
} from "../graph/expressions.ts";
import type { GraphNode } from "../graph/graph.ts";
import { transposedConvolution } from "./convolution-gradients.ts";
import { fail, inputType, unsupported } from "./inference.ts";
import type {
  EmissionCall,
  GradientCall,
  InferenceCall,
  KnownType,
  OperatorRule,
} from "./operator.ts";
import { kernelShape, map2, type Pair, tiles, type Window, windowOf } from "./window.ts";

/** y = the largest element of each window. */
export const maxPoolRule: OperatorRule = {
  infer: (call) => {
    if (intAttribute(call.node, "storage_order", 0) !== 0) {
      unsupported(call.node, "stores columns first");
    }
    return inferPool(call);
  },
  forward: maxPoolForward,
  gradient: maxPoolGradient,
};

/** y = the mean of each window; count_include_pad says whether padding counts as zeros. */
export const averagePoolRule: OperatorRule = { infer: inferPool, gradient: averagePoolGradient };

/** y = the mean of each channel. */
export const globalAveragePoolRule: OperatorRule = {
  infer: (call) => {
    const { dtype, shape } = inputType(call, 0);
    if (shape.length < 3) fail(call.node, "needs images");
    return [{ dtype, shape: shape.map((size, i) => (i < 2 ? size : 1)) }];
  },
  gradient: ({ builder, inputs, outputGradient }) => {
    const x = firstOf(inputs);
    const pixels = sizeOf(x.shape.slice(2));
    return [expand(builder, scale(builder, outputGradient, 1 / pixels), x.shape)];
  },
};

/** y = the largest element of each channel:  ∂x = [x = y] · ∂y / Σ [x = y]. */
export const globalMaxPoolRule: OperatorRule = {
  infer: globalAveragePoolRule.infer,
  gradient: ({ builder, inputs, outputs, outputGradient }) => {
    const x = firstOf(inputs);
    const [y] = outputs;
    assert(y !== undefined, "a pool has an output");
    const mask = isEqual(builder, x, y);
    const axes = x.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
    const count = sum(builder, mask, axes, { keepDimensions: true });
    return [multiply(builder, mask, divide(builder, outputGradient, count))];
  },
  note: "equal elements share the gradient",
};

function inferPool(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  const kernel = kernelShape(node) ?? fail(node, "needs a kernel_shape");
  const { output } = windowOf(node, shape, kernel);
  return [{ dtype, shape: [...shape.slice(0, 2), ...output] }];
}

/** Overlapping or padded windows need to know which element won; tiles can tell by comparing. */
function maxPoolForward({ builder, node, inputs, types }: EmissionCall): readonly Value[] {
  const x = firstOf(inputs);
  const [type] = types;
  const [name] = node.outputs;
  assert(type !== undefined && name !== undefined, "a pool has an output");
  const output = { dtype: x.dtype, shape: poolShape(node, x), as: name };
  if (tiles(poolWindow(node, x))) return [builder.emit("MaxPool", [x], output, node.attributes)];
  const indices = { dtype: "int64", shape: output.shape } as const;
  return builder.emitAll("MaxPool", [x], [output, indices], node.attributes);
}

function maxPoolGradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, inputs, outputs, outputGradient } = call;
  const x = firstOf(inputs);
  const [y, indices] = outputs;
  assert(y !== undefined, "a pool has an output");
  return indices === undefined
    ? [gradientOfTiles(call, x, y)]
    : [scatterAdd(builder, indices, outputGradient, x)];
}

/**
 *   mask = [x = y, repeated to x's size]      ∂x = mask · (∂y / Σ mask), repeated to x's size
 *
 * Faster than scattering by index. Where several elements of a window are equally large, they share
 * the gradient evenly, which is a subgradient too; PyTorch gives all of it to the first.
 */
function gradientOfTiles(
  { builder, node, outputGradient }: GradientCall,
  x: Value,
  y: Value,
): Value {
  const { kernel } = poolWindow(node, x);
  const mask = isEqual(builder, x, upsample(builder, y, kernel));
  const each = divide(builder, outputGradient, sumOverTiles(builder, mask, y, kernel));
  return multiply(builder, mask, upsample(builder, each, kernel));
}

/** Up to this width of the output, a matrix product sums tiles faster than AveragePool does. */
const TILE_PRODUCT_COLUMNS_MAX = 16;

/** Σ of each tile of x, in y's shape. */
function sumOverTiles(builder: GraphBuilder, x: Value, y: Value, kernel: Pair): Value {
  const [n = 0, c = 0, rows = 0, columns = 0] = y.shape;
  const [height, width] = kernel;
  if (columns > TILE_PRODUCT_COLUMNS_MAX) {
    const pair = { kind: "ints", value: kernel } as const;
    const type = { dtype: y.dtype, shape: y.shape };
    const means = builder.emit("AveragePool", [x], type, { kernel_shape: pair, strides: pair });
    return scale(builder, means, height * width);
  }
  // A band of `height` rows is one row of a matrix; this one adds up what belongs to each tile.
  const band = height * columns * width;
  const membership = Array.from({ length: band * columns }, (_, i) => {
    const pixel = Math.floor(i / columns) % (columns * width);
    return Math.floor(pixel / width) === i % columns ? 1 : 0;
  });
  const bands = reshape(builder, x, [n * c * rows, band]);
  const sums = matMul(builder, bands, builder.floats(membership, [band, columns]));
  return reshape(builder, sums, y.shape);
}

/** Adds each ∂y to the element of x that won, by its index in the flattened x. */
function scatterAdd(builder: GraphBuilder, indices: Value, dy: Value, x: Value): Value {
  const length = sizeOf(x.shape);
  const count = sizeOf(dy.shape);
  const zeros = builder.emit("ConstantOfShape", [builder.ints([length])], {
    dtype: x.dtype,
    shape: [length],
  });
  const operands = [zeros, reshape(builder, indices, [count]), reshape(builder, dy, [count])];
  const flat = builder.emit(
    "ScatterElements",
    operands,
    { dtype: x.dtype, shape: [length] },
    {
      axis: { kind: "int", value: 0 },
      reduction: { kind: "string", value: "add" },
    },
  );
  return reshape(builder, flat, x.shape);
}

/** Every element of a window gets ∂y divided by the number of elements that were averaged. */
function averagePoolGradient({
  builder,
  node,
  inputs,
  outputGradient,
}: GradientCall): readonly (Value | null)[] {
  const x = firstOf(inputs);
  const window = poolWindow(node, x);
  const [, channels = 0] = x.shape;
  const { kernel, output } = window;
  if (tiles(window)) {
    const each = scale(builder, outputGradient, 1 / (kernel[0] * kernel[1]));
    return [upsample(builder, each, kernel)];
  }
  const counts = windowCounts(window, intAttribute(node, "count_include_pad", 0) !== 0);
  const inverse = builder.floats(
    counts.map((count) => 1 / count),
    [...output],
  );
  const each = multiply(builder, outputGradient, inverse);
  const ones = builder.floats(
    Array.from({ length: channels * kernel[0] * kernel[1] }, () => 1),
    [channels, 1, ...kernel],
  );
  const scattered = { builder, window, groups: channels, shape: x.shape };
  return [transposedConvolution(scattered, each, ones)];
}

/** How many elements each window averages; beyond the padding (ceil_mode) nothing ever counts. */
function windowCounts(window: Window, includePadding: boolean): readonly number[] {
  const { input, output, kernel, strides, dilations, before, after } = window;
  const along = (i: 0 | 1): readonly number[] =>
    Array.from({ length: output[i] }, (_, position) => {
      const low = includePadding ? -before[i] : 0;
      const high = input[i] + (includePadding ? after[i] : 0);
      const start = position * strides[i] - before[i];
      let count = 0;
      for (let tap = 0; tap < kernel[i]; tap++) {
        const at = start + tap * dilations[i];
        if (at >= low && at < high) count++;
      }
      return count;
    });
  const columns = along(1);
  return along(0).flatMap((rows) => columns.map((count) => rows * count));
}

function poolWindow(node: GraphNode, x: Value): Window {
  return windowOf(node, x.shape, kernelShape(node) ?? fail(node, "needs a kernel_shape"));
}

function poolShape(node: GraphNode, x: Value): readonly number[] {
  const { output } = poolWindow(node, x);
  return [sizeAt(x.shape, 0), sizeAt(x.shape, 1), ...map2((i) => output[i])];
}

function firstOf(inputs: readonly (Value | null)[]): Value {
  const [x] = inputs;
  assert(!!x, "the operator has an input");
  return x;
}
