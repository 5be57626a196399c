/** Operators that arrange elements without computing. */
import { assert } from "@everfresh/core";
import { intAttribute, intsAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { divideDimensions, formatShape, sameDimension, sizeOfShape } from "../graph/dimension.ts";
import { pad, reshape, sizeAt, transpose } from "../graph/expressions.ts";
import type { Dimension, GraphNode, GraphShape } from "../graph/graph.ts";
import {
  fail,
  fixedSize,
  inputType,
  knownNumbers,
  knownValue,
  normaliseAxis,
  optionalInput,
  unsupported,
} from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** y = x. */
export const identityRule: OperatorRule = {
  infer: (call) => [inputType(call, 0)],
  gradient: ({ outputGradient }) => [outputGradient],
};

/** The same elements under another shape: 0 keeps a dimension, −1 is what remains. */
export const reshapeRule: OperatorRule = {
  infer: (call) => {
    const { dtype, shape } = inputType(call, 0);
    return [{ dtype, shape: reshapedShape(call.node, shape, knownValue(call, 1)) }];
  },
  gradient: reshapeBack,
};

/** Everything before `axis` as rows, everything from it on as columns. */
export const flattenRule: OperatorRule = {
  infer: (call) => {
    const { node } = call;
    const { dtype, shape } = inputType(call, 0);
    const stated = intAttribute(node, "axis", 1);
    const axis = stated < 0 ? stated + shape.length : stated;
    const rows = sizeOfShape(shape.slice(0, axis));
    const columns = sizeOfShape(shape.slice(axis));
    if (rows === null || columns === null) fail(node, `cannot flatten ${formatShape(shape)}`);
    return [{ dtype, shape: [rows, columns] }];
  },
  gradient: reshapeBack,
};

/** Without dimensions of size 1: those given, or all. */
export const squeezeRule: OperatorRule = {
  infer: (call) => {
    const type = inputType(call, 0);
    const axes =
      optionalInput(call, 1) === null
        ? type.shape.flatMap((size, i) => (size === 1 ? [i] : []))
        : axesOf(call, type.shape.length);
    for (const axis of axes) {
      if (type.shape[axis] !== 1) fail(call.node, `dimension ${axis} is not of size 1`);
    }
    return [{ ...type, shape: type.shape.filter((_, i) => !axes.includes(i)) }];
  },
  gradient: reshapeBack,
};

/** With new dimensions of size 1 at the given places of the result. */
export const unsqueezeRule: OperatorRule = {
  infer: (call) => {
    const type = inputType(call, 0);
    const count = knownNumbers(call, 1).length;
    const axes = axesOf(call, type.shape.length + count);
    const shape = [...type.shape];
    for (const axis of axes.toSorted((a, b) => a - b)) shape.splice(axis, 0, 1);
    return [{ ...type, shape }];
  },
  gradient: reshapeBack,
};

/** Dimension i of y is dimension perm[i] of x; without perm, all in reverse:  ∂x by the inverse. */
export const transposeRule: OperatorRule = {
  infer: (call) => {
    const { dtype, shape } = inputType(call, 0);
    const order = orderOf(call.node, shape.length);
    return [{ dtype, shape: order.map((axis) => shape[axis] ?? 1) }];
  },
  gradient: ({ builder, node, outputGradient }) => {
    const order = orderOf(node, outputGradient.shape.length);
    return [
      transpose(
        builder,
        outputGradient,
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ];
  },
};

/** The inputs one after the other along `axis`:  every input gets its part of ∂y. */
export const concatRule: OperatorRule = { infer: inferConcat, gradient: concatGradient };

/** Elements from start to end with a step along some axes:  ∂x = ∂y with zeros around. */
export const sliceRule: OperatorRule = { infer: inferSlice, gradient: sliceGradient };

function reshapeBack({ builder, inputs, outputGradient }: GradientCall): readonly (Value | null)[] {
  const [x] = inputs;
  assert(!!x, "the operator has an input");
  return [reshape(builder, outputGradient, x.shape), null];
}

function reshapedShape(
  node: GraphNode,
  shape: GraphShape,
  target: readonly Dimension[],
): GraphShape {
  const keepsZero = intAttribute(node, "allowzero", 0) !== 0;
  const wanted = target.map((size, i): Dimension => {
    if (size !== 0 || keepsZero) return size;
    return shape[i] ?? fail(node, `keeps dimension ${i} of ${formatShape(shape)}`);
  });
  const size = sizeOfShape(shape);
  const stated = sizeOfShape(wanted.filter((dimension) => dimension !== -1));
  const open = wanted.filter((dimension) => dimension === -1).length;
  const rest = size === null || stated === null ? null : divideDimensions(size, stated);
  if (rest === null || open > 1 || (open === 0 && rest !== 1)) {
    fail(
      node,
      `${formatShape(shape)} does not reshape to ${formatShape(target)} for every batch size; ` +
        "export the model with a dynamic batch dimension",
    );
  }
  return wanted.map((dimension) => (dimension === -1 ? rest : dimension));
}

function orderOf(node: GraphNode, rank: number): readonly number[] {
  const reversed = Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const order = intsAttribute(node, "perm", reversed);
  if (
    order.length !== rank ||
    new Set(order).size !== rank ||
    order.some((i) => i < 0 || i >= rank)
  ) {
    fail(node, `perm [${order.join(", ")}] does not order ${rank} dimensions`);
  }
  return order;
}

function axesOf(call: InferenceCall, rank: number): readonly number[] {
  return knownNumbers(call, 1).map((axis) => normaliseAxis(call.node, axis, rank));
}

function inferConcat(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const first = inputType(call, 0);
  const axis = normaliseAxis(node, intAttribute(node, "axis", 0), first.shape.length);
  let total: Dimension = 0;
  const value: Dimension[] = [];
  let known = true;
  for (let i = 0; i < node.inputs.length; i++) {
    const type = inputType(call, i);
    const size = type.shape[axis];
    const fits = type.shape.every((d, k) => k === axis || sameDimension(d, first.shape[k] ?? -1));
    if (typeof size !== "number" || !fits || type.shape.length !== first.shape.length) {
      fail(node, `${formatShape(type.shape)} does not join ${formatShape(first.shape)} on ${axis}`);
    }
    total += size;
    if (type.value === undefined) known = false;
    else value.push(...type.value);
  }
  const shape = first.shape.map((size, i) => (i === axis ? total : size));
  return [{ dtype: first.dtype, shape, ...(known ? { value } : {}) }];
}

function concatGradient({
  builder,
  node,
  inputs,
  outputGradient,
  wanted,
}: GradientCall): readonly (Value | null)[] {
  const rank = outputGradient.shape.length;
  const axis = normaliseAxis(node, intAttribute(node, "axis", 0), rank);
  const total = sizeAt(outputGradient.shape, axis);
  let start = 0;
  return inputs.map((input, i) => {
    assert(input !== null, "Concat has no optional inputs");
    const before = start;
    start += sizeAt(input.shape, axis);
    if (wanted[i] !== true) return null;
    const cut = (count: number): number[] =>
      outputGradient.shape.map((_, k) => (k === axis ? -count : 0));
    return pad(builder, outputGradient, cut(before), cut(total - start));
  });
}

/** What a slice takes from one axis. */
interface Range {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

function rangesOf(call: InferenceCall, shape: GraphShape): readonly Range[] {
  const { node } = call;
  const starts = knownNumbers(call, 1);
  const ends = knownNumbers(call, 2);
  const axes = optionalInput(call, 3) === null ? starts.map((_, i) => i) : knownNumbers(call, 3);
  const steps = optionalInput(call, 4) === null ? starts.map(() => 1) : knownNumbers(call, 4);
  return starts.map((stated, i) => {
    const axis = normaliseAxis(node, axes[i] ?? 0, shape.length);
    const step = steps[i] ?? 1;
    if (step < 1) unsupported(node, "goes backwards");
    const size = fixedSize(node, shape, axis);
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
    const start = clamp(stated);
    const count = Math.max(0, Math.ceil((clamp(ends[i] ?? size) - start) / step));
    return { axis, start, step, count };
  });
}

function inferSlice(call: InferenceCall): readonly KnownType[] {
  const { dtype, shape, value } = inputType(call, 0);
  const ranges = rangesOf(call, shape);
  const result = [...shape];
  for (const { axis, count } of ranges) result[axis] = count;
  const [range] = ranges;
  const known =
    value === undefined || range === undefined
      ? value
      : Array.from({ length: range.count }, (_, i) => value[range.start + i * range.step] ?? 0);
  return [{ dtype, shape: result, ...(known === undefined ? {} : { value: known }) }];
}

function sliceGradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, inputTypes, outputGradient } = call;
  const [x] = inputs;
  assert(!!x, "Slice has an input");
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  for (const { axis, start, step, count } of rangesOf({ node, inputs: inputTypes }, x.shape)) {
    if (step !== 1) unsupported(node, "with a step above 1 cannot be trained through");
    before[axis] = start;
    after[axis] = sizeAt(x.shape, axis) - start - count;
  }
  return [pad(builder, outputGradient, before, after), null, null, null, null];
}
