/** Operators that join values, and that take parts of them. */
import { assert } from "@everfresh/core";
import { intAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { formatShape, sameDimension } from "../graph/dimension.ts";
import { zeros } from "../graph/elementwise-expressions.ts";
import { concatenate, pad, reshape, reverse, sizeAt } from "../graph/expressions.ts";
import type { Dimension, GraphShape } from "../graph/graph.ts";
import type { PartitionKind } from "../graph/operator-kind.ts";
import {
  fail,
  fixedSize,
  inputType,
  knownNumbers,
  normaliseAxis,
  optionalInput,
} from "./inference.ts";
import { rearranged } from "./known-elements.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";
import { padRule } from "./padding.ts";

/** The rules of operators that join and part. */
export const PARTITION: { readonly [K in PartitionKind]: OperatorRule } = {
  // The inputs one after the other along `axis`:  every input gets its part of ∂y.
  Concat: { infer: inferConcat, gradient: concatGradient },

  Pad: padRule,

  // Elements from start to end with a step along some axes:  ∂x = ∂y with zeros around and between.
  Slice: { infer: inferSlice, gradient: sliceGradient },

  // Parts one after the other along `axis`:  ∂x = their gradients one after the other.
  Split: { infer: inferSplit, gradient: splitGradient },
};

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
    // Along the first axis, and only there, the elements follow each other.
    if (type.value === undefined || axis > 0) known = false;
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

/** Ends from here on mean "to the end", whatever the size: exporters write the largest int32. */
const END_OPEN_MIN = 2 ** 31 - 1;

function rangesOf(call: InferenceCall, shape: GraphShape): readonly Range[] {
  const { node } = call;
  const starts = knownNumbers(call, 1);
  const ends = knownNumbers(call, 2);
  const axes = optionalInput(call, 3) === null ? starts.map((_, i) => i) : knownNumbers(call, 3);
  const steps = optionalInput(call, 4) === null ? starts.map(() => 1) : knownNumbers(call, 4);
  return starts.flatMap((from, i) => {
    const axis = normaliseAxis(node, axes[i] ?? 0, shape.length);
    const step = steps[i] ?? 1;
    const to = ends[i] ?? 0;
    if (step === 0) fail(node, "has a step of 0");
    if (from === 0 && step === 1 && to >= END_OPEN_MIN) return [];
    const size = fixedSize(node, shape, axis);
    // Backwards, the end may be before the first element, which has no number from the front.
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const clamp = (at: number, least: number): number =>
      Math.min(Math.max(at < 0 ? at + size : at, least), high);
    const start = clamp(from, Math.max(low, 0));
    const count = Math.max(0, Math.ceil((clamp(to, low) - start) / step));
    return [{ axis, start, step, count }];
  });
}

function inferSlice(call: InferenceCall): readonly KnownType[] {
  const type = inputType(call, 0);
  const ranges = rangesOf(call, type.shape);
  const shape = [...type.shape];
  for (const { axis, count } of ranges) shape[axis] = count;
  const known = rearranged(type, shape, (position) => {
    const source = [...position];
    for (const { axis, start, step } of ranges) source[axis] = start + (source[axis] ?? 0) * step;
    return source;
  });
  return [{ dtype: type.dtype, shape, ...known }];
}

function sliceGradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, inputTypes, outputGradient } = call;
  const [x] = inputs;
  assert(!!x, "Slice has an input");
  const nothing = inputs.slice(1).map(() => null);
  if (outputGradient.shape.includes(0)) return [zeros(builder, x.shape), ...nothing];
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  let gradient = outputGradient;
  for (const { axis, start, step, count } of rangesOf({ node, inputs: inputTypes }, x.shape)) {
    const stride = Math.abs(step);
    const first = step > 0 ? start : start + (count - 1) * step;
    if (step < 0) gradient = reverse(builder, gradient, [axis]);
    gradient = spread(builder, gradient, axis, stride);
    before[axis] = first;
    // What is left after the last element's own zeros; negative where those go beyond the end.
    after[axis] = sizeAt(x.shape, axis) - first - count * stride;
  }
  return [pad(builder, gradient, before, after), ...nothing];
}

/** Every element along `axis` followed by stride − 1 zeros. */
function spread(builder: GraphBuilder, x: Value, axis: number, stride: number): Value {
  if (stride === 1) return x;
  const size = sizeAt(x.shape, axis);
  const single = [...x.shape.slice(0, axis), size, 1, ...x.shape.slice(axis + 1)];
  const none = single.map(() => 0);
  const padded = pad(
    builder,
    reshape(builder, x, single),
    none,
    none.map((_, i) => (i === axis + 1 ? stride - 1 : 0)),
  );
  return reshape(
    builder,
    padded,
    x.shape.map((old, i) => (i === axis ? size * stride : old)),
  );
}

function splitGradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, outputs, outputGradients } = call;
  const [x] = inputs;
  assert(!!x, "Split has an input");
  const axis = normaliseAxis(node, intAttribute(node, "axis", 0), x.shape.length);
  const parts = outputs.map(({ shape }, i) => outputGradients[i] ?? zeros(builder, shape));
  return [concatenate(builder, parts, axis), null].slice(0, inputs.length);
}

/** Stated sizes, or as many equal parts as there are outputs, of which the last may be smaller. */
function inferSplit(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  const axis = normaliseAxis(node, intAttribute(node, "axis", 0), shape.length);
  const size = fixedSize(node, shape, axis);
  const parts = node.outputs.length;
  const each = Math.ceil(size / parts);
  const sizes =
    optionalInput(call, 1) === null
      ? node.outputs.map((_, i) => Math.min(each, size - i * each))
      : knownNumbers(call, 1);
  const total = sizes.reduce((sofar, part) => sofar + part, 0);
  if (sizes.length !== parts || total !== size || sizes.some((part) => part < 0)) {
    fail(node, `[${sizes.join(", ")}] does not split ${size} elements into ${parts} parts`);
  }
  return sizes.map((part) => ({ dtype, shape: shape.map((old, i) => (i === axis ? part : old)) }));
}
