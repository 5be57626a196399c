/**
 * The vocabulary of gradients: each function emits one operator (or none, where that is the same)
 * and returns its value. Shapes must fit; what does not is a mistake in a gradient rule.
 */
import { assert, type Shape, sizeOf } from "@everfresh/core";
import type { EmittedOperator, GraphBuilder, Value } from "./builder.ts";
import { broadcastShapes, fixedShape } from "./dimension.ts";

/** ONNX's number of the element type float32. */
const FLOAT32 = 1;

/** x + y, broadcast. */
export function add(b: GraphBuilder, x: Value, y: Value): Value {
  return binary(b, "Add", x, y);
}

/** x − y, broadcast. */
export function subtract(b: GraphBuilder, x: Value, y: Value): Value {
  return binary(b, "Sub", x, y);
}

/** x · y elementwise, broadcast. */
export function multiply(b: GraphBuilder, x: Value, y: Value): Value {
  return binary(b, "Mul", x, y);
}

/** x / y elementwise, broadcast. */
export function divide(b: GraphBuilder, x: Value, y: Value): Value {
  return binary(b, "Div", x, y);
}

/** factor · x. */
export function scale(b: GraphBuilder, x: Value, factor: number): Value {
  return factor === 1 ? x : multiply(b, x, b.floats([factor], []));
}

/** −x. */
export function negate(b: GraphBuilder, x: Value): Value {
  return unary(b, "Neg", x);
}

/** eˣ. */
export function exponential(b: GraphBuilder, x: Value): Value {
  return unary(b, "Exp", x);
}

/** 1 where x > threshold, else 0. */
export function isGreater(b: GraphBuilder, x: Value, threshold: number): Value {
  const limit = b.floats([threshold], []);
  return toFloat(b, b.emit("Greater", [x, limit], { dtype: "bool", shape: x.shape }));
}

/** 1 where x = y, else 0; y broadcasts to x's shape. */
export function isEqual(b: GraphBuilder, x: Value, y: Value): Value {
  return toFloat(b, b.emit("Equal", [x, y], { dtype: "bool", shape: x.shape }));
}

/** The same elements in the same order under another shape. */
export function reshape(b: GraphBuilder, x: Value, shape: Shape): Value {
  assert(
    sizeOf(x.shape) === sizeOf(shape),
    `[${x.shape.join()}] does not reshape to [${shape.join()}]`,
  );
  if (equalShapes(x.shape, shape)) return x;
  return b.emit("Reshape", [x, b.ints(shape)], { dtype: x.dtype, shape });
}

/**
 * Dimension i of the result is dimension order[i] of x.
 * @param as the result's name; chosen by the builder when absent
 */
export function transpose(b: GraphBuilder, x: Value, order: readonly number[], as?: string): Value {
  if (as === undefined && order.every((axis, i) => axis === i)) return x;
  const shape = order.map((axis) => sizeAt(x.shape, axis));
  const output = { dtype: x.dtype, shape, ...(as === undefined ? {} : { as }) };
  return b.emit("Transpose", [x], output, { perm: { kind: "ints", value: order } });
}

/** Exchanges the last two dimensions. */
export function transposeMatrix(b: GraphBuilder, x: Value): Value {
  const order = x.shape.map((_, i) => i);
  const rank = order.length;
  return transpose(b, x, [...order.slice(0, -2), rank - 1, rank - 2]);
}

/** Σ over the given axes. */
export function sum(
  b: GraphBuilder,
  x: Value,
  axes: readonly number[],
  options: { readonly keepDimensions?: boolean } = {},
): Value {
  if (axes.length === 0) return x;
  const keep = options.keepDimensions === true;
  const shape = keep
    ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size))
    : x.shape.filter((_, i) => !axes.includes(i));
  return b.emit(
    "ReduceSum",
    [x, b.ints(axes)],
    { dtype: x.dtype, shape },
    {
      keepdims: { kind: "int", value: keep ? 1 : 0 },
    },
  );
}

/** The mean over the given axes, which stay with size 1. */
export function mean(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const shape = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  return b.emit("ReduceMean", [x, b.ints(axes)], { dtype: x.dtype, shape });
}

/** The largest element along `axis`, which stays with size 1. */
export function maximum(b: GraphBuilder, x: Value, axis: number): Value {
  const shape = x.shape.map((size, i) => (i === axis ? 1 : size));
  return b.emit("ReduceMax", [x, b.ints([axis])], { dtype: x.dtype, shape });
}

/** The slices of x along `axis` at the positions in `indices`, whose shape replaces that axis. */
export function gather(b: GraphBuilder, x: Value, indices: Value, axis: number): Value {
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const attributes = { axis: { kind: "int", value: axis } } as const;
  return b.emit("Gather", [x, indices], { dtype: x.dtype, shape }, attributes);
}

/** Σ over all that broadcasting `shape` to x's shape repeated: the gradient of broadcasting. */
export function sumTo(b: GraphBuilder, x: Value, shape: Shape): Value {
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, i) =>
    i < extra || (sizeAt(shape, i - extra) === 1 && size !== 1) ? [i] : [],
  );
  return reshape(b, sum(b, x, axes), shape);
}

/** x repeated along dimensions of size 1 until it has `shape`. */
export function expand(b: GraphBuilder, x: Value, shape: Shape): Value {
  return b.emit("Expand", [x, b.ints(shape)], { dtype: x.dtype, shape });
}

/** Matrix product over the last two dimensions; leading dimensions broadcast. */
export function matMul(b: GraphBuilder, x: Value, y: Value): Value {
  const batch = broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2));
  assert(batch !== null, "leading dimensions broadcast");
  const shape = [...(fixedShape(batch) ?? []), sizeAt(x.shape, -2), sizeAt(y.shape, -1)];
  return b.emit("MatMul", [x, y], { dtype: x.dtype, shape });
}

/** factor · op(x) · op(y) of two matrices, where op transposes as asked. */
export function product(
  b: GraphBuilder,
  x: Value,
  y: Value,
  options: {
    readonly transposeX?: boolean;
    readonly transposeY?: boolean;
    readonly factor?: number;
  } = {},
): Value {
  const { transposeX = false, transposeY = false, factor = 1 } = options;
  if (!transposeX && !transposeY && factor === 1) return matMul(b, x, y);
  const shape = [sizeAt(x.shape, transposeX ? 1 : 0), sizeAt(y.shape, transposeY ? 0 : 1)];
  return b.emit(
    "Gemm",
    [x, y],
    { dtype: x.dtype, shape },
    {
      transA: { kind: "int", value: transposeX ? 1 : 0 },
      transB: { kind: "int", value: transposeY ? 1 : 0 },
      alpha: { kind: "float", value: factor },
    },
  );
}

/** Zeros added (or, where negative, elements cut off) before and after every dimension. */
export function pad(
  b: GraphBuilder,
  x: Value,
  before: readonly number[],
  after: readonly number[],
): Value {
  if ([...before, ...after].every((count) => count === 0)) return x;
  const shape = x.shape.map((size, i) => size + sizeAt(before, i) + sizeAt(after, i));
  return b.emit("Pad", [x, b.ints([...before, ...after])], { dtype: x.dtype, shape });
}

/** The first `size` elements along `axis`. */
export function takeFirst(b: GraphBuilder, x: Value, axis: number, size: number): Value {
  if (sizeAt(x.shape, axis) === size) return x;
  const shape = x.shape.map((old, i) => (i === axis ? size : old));
  const inputs = [x, b.ints([0]), b.ints([size]), b.ints([axis])];
  return b.emit("Slice", inputs, { dtype: x.dtype, shape });
}

/** The elements in reverse order along `axes`. */
export function reverse(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const last = b.ints(axes.map(() => -1));
  const beforeFirst = b.ints(axes.map((axis) => -sizeAt(x.shape, axis) - 1));
  const inputs = [x, last, beforeFirst, b.ints(axes), last];
  return b.emit("Slice", inputs, { dtype: x.dtype, shape: x.shape });
}

/** The values one after the other along `axis`. */
export function concatenate(b: GraphBuilder, parts: readonly Value[], axis: number): Value {
  const [first] = parts;
  assert(first !== undefined, "there is something to concatenate");
  if (parts.length === 1) return first;
  const total = parts.reduce((size, part) => size + sizeAt(part.shape, axis), 0);
  const shape = first.shape.map((size, i) => (i === axis ? total : size));
  return b.emit(
    "Concat",
    parts,
    { dtype: first.dtype, shape },
    {
      axis: { kind: "int", value: axis },
    },
  );
}

/** Every pixel of x repeated factors[0] times downwards and factors[1] times to the right. */
export function upsample(b: GraphBuilder, x: Value, factors: readonly [number, number]): Value {
  const [n = 0, c = 0, h = 0, w = 0] = x.shape;
  const shape = [n, c, h * factors[0], w * factors[1]];
  const inputs = [x, null, b.floats([1, 1, ...factors])];
  return b.emit(
    "Resize",
    inputs,
    { dtype: x.dtype, shape },
    {
      mode: { kind: "string", value: "nearest" },
      coordinate_transformation_mode: { kind: "string", value: "asymmetric" },
      nearest_mode: { kind: "string", value: "floor" },
    },
  );
}

/** The size at a position, counted from the end when negative. */
export function sizeAt(sizes: readonly number[], index: number): number {
  const size = sizes.at(index);
  assert(size !== undefined, `position ${index} is within [${sizes.join()}]`);
  return size;
}

function toFloat(b: GraphBuilder, x: Value): Value {
  return b.emit(
    "Cast",
    [x],
    { dtype: "float32", shape: x.shape },
    {
      to: { kind: "int", value: FLOAT32 },
    },
  );
}

function unary(b: GraphBuilder, operator: EmittedOperator, x: Value): Value {
  return b.emit(operator, [x], { dtype: x.dtype, shape: x.shape });
}

function binary(b: GraphBuilder, operator: EmittedOperator, x: Value, y: Value): Value {
  const broadcast = broadcastShapes(x.shape, y.shape);
  const shape = broadcast === null ? null : fixedShape(broadcast);
  assert(shape !== null, `[${x.shape.join()}] and [${y.shape.join()}] broadcast`);
  return b.emit(operator, [x, y], { dtype: x.dtype, shape });
}

function equalShapes(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
