/** Operators that read and write elements by their positions. */
import { assert, type Shape, sizeOf } from "@everfresh/core";
import { intAttribute, stringAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { formatShape } from "../graph/dimension.ts";
import { compare, select, zeros } from "../graph/elementwise-expressions.ts";
import { add, expand, matMul, multiply, pad, reshape, sizeAt, sum } from "../graph/expressions.ts";
import type { Attributes, Dimension } from "../graph/graph.ts";
import type { IndexingKind } from "../graph/operator-kind.ts";
import { zeroFor } from "./elementwise-rule.ts";
import { fail, fixedSize, inputType, normaliseAxis, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** ONNX's number of the element type int64. */
const INT64 = 7;

/**
 * Up to this size of the indexed axis, a product with one-hot rows adds gradients faster than
 * ScatterElements. ScatterND takes a quarter of the time of that and gives the same bits, but adds
 * wrongly with more than one thread.
 */
const ONE_HOT_SIZE_MAX = 128;

/** The rules of operators that use positions. */
export const INDEXING: { readonly [K in IndexingKind]: OperatorRule } = {
  Gather: { infer: inferGather, gradient: gradientOfGather, settings: [1] },

  // y[i, j] = x[index[i, j], j] along `axis`:  ∂x = ∂y added up at its positions.
  GatherElements: {
    infer: (call) => [{ dtype: inputType(call, 0).dtype, shape: inputType(call, 1).shape }],
    gradient: (call) => {
      const { builder, node, inputs, outputGradient } = call;
      const [x, indices] = inputs;
      assert(!!x && !!indices, "GatherElements has two inputs");
      const axis = normaliseAxis(node, intAttribute(node, "axis", 0), x.shape.length);
      const dx = addAt(builder, { shape: x.shape, indices, axis, dy: outputGradient });
      return [dx, zeroFor(call, 1)];
    },
    settings: [1],
  },

  GatherND: {
    infer: (call) => {
      const { node } = call;
      if (intAttribute(node, "batch_dims", 0) !== 0) unsupported(node, "has batch_dims");
      const { dtype, shape } = inputType(call, 0);
      const indices = inputType(call, 1);
      const depth = fixedSize(node, indices.shape, indices.shape.length - 1);
      for (let i = 0; i < depth; i++) fixedSize(node, shape, i);
      return [{ dtype, shape: [...indices.shape.slice(0, -1), ...shape.slice(depth)] }];
    },
    gradient: gradientOfGatherND,
    settings: [1],
    note: "no batch_dims",
  },

  ScatterElements: {
    infer: inferScatter,
    gradient: (call) => {
      const axis = intAttribute(call.node, "axis", 0);
      return gradientOfScatter(call, "GatherElements", { axis: { kind: "int", value: axis } });
    },
    settings: [1],
    note: "reductions none and add",
  },

  ScatterND: {
    infer: (call) => {
      if (stringAttribute(call.node, "reduction", "none") !== "none") {
        unsupported(call.node, "reduces, which ONNX Runtime does wrongly with several threads");
      }
      return inferScatter(call);
    },
    gradient: (call) => gradientOfScatter(call, "GatherND", {}),
    settings: [1],
    note: "only without reduction",
  },
};

/** Known elements of a known list, or rows of a table such as an embedding. */
function inferGather(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape, value } = inputType(call, 0);
  const indices = inputType(call, 1);
  const axis = normaliseAxis(node, intAttribute(node, "axis", 0), shape.length);
  const gathered = [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)];
  if (value === undefined || shape.length !== 1 || indices.value === undefined) {
    return [{ dtype, shape: gathered }];
  }
  const elements = indices.value.map((at): Dimension => {
    if (typeof at !== "number") fail(node, "takes a position that depends on the batch size");
    return value[normaliseAxis(node, at, value.length)] ?? fail(node, "is out of range");
  });
  return [{ dtype, shape: gathered, value: elements }];
}

/** y = the slices of x at the positions along `axis`:  ∂x = ∂y added up at its positions. */
function gradientOfGather(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, inputTypes, outputGradient } = call;
  const [x, indices] = inputs;
  assert(!!x && !!indices, "Gather has two inputs");
  const axis = normaliseAxis(node, intAttribute(node, "axis", 0), x.shape.length);
  const size = sizeAt(x.shape, axis);
  const [only, ...others] = inputTypes[1]?.value ?? [];
  if (typeof only === "number" && others.length === 0) {
    const at = normaliseAxis(node, only, size);
    const place = (count: number): number[] => x.shape.map((_, i) => (i === axis ? count : 0));
    const single = x.shape.map((old, i) => (i === axis ? 1 : old));
    const dy = reshape(builder, outputGradient, single);
    return [pad(builder, dy, place(at), place(size - at - 1)), zeroFor(call, 1)];
  }
  // As [outer, size, inner], of which outer is left out where it is 1.
  const outer = x.shape.slice(0, axis).reduce((total, old) => total * old, 1);
  const inner = x.shape.slice(axis + 1).reduce((total, old) => total * old, 1);
  const flat = toInt64(builder, reshape(builder, indices, [sizeOf(indices.shape)]));
  const total = addSlices(builder, { outer, size, inner, flat, dy: outputGradient });
  return [reshape(builder, total, x.shape), zeroFor(call, 1)];
}

/**
 * y = the slices of x at positions in its first k dimensions:  ∂x = ∂y added up at its positions,
 * with those k dimensions as one.
 */
function gradientOfGatherND(call: GradientCall): readonly (Value | null)[] {
  const { builder, inputs, outputGradient: dy } = call;
  const [x, indices] = inputs;
  assert(!!x && !!indices, "GatherND has two inputs");
  const depth = sizeAt(indices.shape, -1);
  const leading = x.shape.slice(0, depth);
  const size = leading.reduce((total, old) => total * old, 1);
  const strides = leading.map((_, i) => sizeOf(leading.slice(i + 1)));
  const count = sizeOf(indices.shape) / depth;
  const rows = toInt64(builder, reshape(builder, indices, [count, depth]));
  const isNegative = compare(builder, "Less", rows, builder.ints([0], []));
  const fromFront = select(builder, isNegative, add(builder, rows, builder.ints(leading)), rows);
  const flat = sum(builder, multiply(builder, fromFront, builder.ints(strides)), [1]);
  const inner = sizeOf(x.shape.slice(depth));
  const total = addSlices(builder, { outer: 1, size, inner, flat, dy });
  return [reshape(builder, total, x.shape), zeroFor(call, 1)];
}

/** Zeros [outer, size, inner] to which every slice of dy is added, at its position along `size`. */
function addSlices(
  builder: GraphBuilder,
  slices: {
    readonly outer: number;
    readonly size: number;
    readonly inner: number;
    readonly flat: Value;
    readonly dy: Value;
  },
): Value {
  const { outer, size, inner, flat } = slices;
  const count = sizeAt(flat.shape, 0);
  const lead = outer === 1 ? [] : [outer];
  const dy = reshape(builder, slices.dy, [...lead, count, inner]);
  if (size <= ONE_HOT_SIZE_MAX) return matMul(builder, oneHotColumns(builder, flat, size), dy);
  if (outer === 1 && builder.acceleration?.serial === true) {
    return addRows(builder, { shape: [size, inner], rows: reshape(builder, flat, [count, 1]), dy });
  }
  return addAt(builder, {
    shape: [...lead, size, inner],
    indices: expand(builder, reshape(builder, flat, [count, 1]), dy.shape),
    axis: lead.length,
    dy,
  });
}

/** A matrix [size, count] whose column i is 1 at positions[i], else 0. */
function oneHotColumns(builder: GraphBuilder, positions: Value, size: number): Value {
  return builder.emit(
    "OneHot",
    [positions, builder.ints([size], []), builder.floats([0, 1])],
    { dtype: "float32", shape: [size, ...positions.shape] },
    { axis: { kind: "int", value: 0 } },
  );
}

/** Zeros of `shape` to which every row of dy is added, at its place; in one thread only. */
function addRows(
  builder: GraphBuilder,
  { shape, rows, dy }: { readonly shape: Shape; readonly rows: Value; readonly dy: Value },
): Value {
  return builder.emit(
    "ScatterND",
    [zeros(builder, shape), rows, dy],
    { dtype: "float32", shape },
    { reduction: { kind: "string", value: "add" } },
  );
}

/** Zeros of `shape` to which every element of dy is added, at its index along `axis`. */
function addAt(
  builder: GraphBuilder,
  {
    shape,
    indices,
    axis,
    dy,
  }: {
    readonly shape: readonly number[];
    readonly indices: Value;
    readonly axis: number;
    readonly dy: Value;
  },
): Value {
  return builder.emit(
    "ScatterElements",
    [zeros(builder, shape), indices, dy],
    { dtype: "float32", shape },
    { axis: { kind: "int", value: axis }, reduction: { kind: "string", value: "add" } },
  );
}

function inferScatter(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const reduction = stringAttribute(node, "reduction", "none");
  if (reduction !== "none" && reduction !== "add") unsupported(node, `reduces by "${reduction}"`);
  const { dtype, shape } = inputType(call, 0);
  const updates = inputType(call, 2);
  if (updates.dtype !== dtype) fail(node, `updates ${dtype} with ${updates.dtype}`);
  if (shape.length === 0) fail(node, `cannot write into ${formatShape(shape)}`);
  return [{ dtype, shape }];
}

/**
 * y = x, with updates u written or added at the indices:
 *
 *   ∂x = ∂y, with zeros written where y was; all of ∂y where it was added     ∂u = ∂y at the indices
 */
function gradientOfScatter(
  call: GradientCall,
  gather: "GatherElements" | "GatherND",
  attributes: Attributes,
): readonly (Value | null)[] {
  const { builder, node, inputs, outputGradient: dy, wanted } = call;
  const [x, indices, updates] = inputs;
  assert(!!x && !!indices && !!updates, "a scatter has three inputs");
  const dx = (): Value => {
    if (stringAttribute(node, "reduction", "none") === "add") return dy;
    const nothing = zeros(builder, updates.shape);
    const scatter = gather === "GatherND" ? "ScatterND" : "ScatterElements";
    return builder.emit(scatter, [dy, indices, nothing], x, attributes);
  };
  const du = (): Value => builder.emit(gather, [dy, indices], updates, attributes);
  return [wanted[0] === true ? dx() : null, zeroFor(call, 1), wanted[2] === true ? du() : null];
}

function toInt64(builder: GraphBuilder, x: Value): Value {
  if (x.dtype === "int64") return x;
  const to = { kind: "int", value: INT64 } as const;
  return builder.emit("Cast", [x], { dtype: "int64", shape: x.shape }, { to });
}
