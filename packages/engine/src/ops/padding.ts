import { assert } from "@everfresh/core";
import { stringAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { add, pad, reverse, sizeAt, sum } from "../graph/expressions.ts";
import type { GraphNode } from "../graph/graph.ts";
import { zeroFor } from "./elementwise-rule.ts";
import {
  fail,
  fixedSize,
  inputType,
  knownNumbers,
  normaliseAxis,
  optionalInput,
  unsupported,
} from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/**
 * More elements before and after every dimension: zeros (or another number), or elements of x once
 * again.
 *
 *   ∂x = the middle of ∂y, plus each outer part of ∂y where its elements come from
 */
export const padRule: OperatorRule = {
  infer,
  gradient,
  settings: [2],
  note: "no gradient for the number that is padded with",
};

/** How much a node adds before and after every dimension. */
function paddingOf(call: InferenceCall, rank: number): { before: number[]; after: number[] } {
  const { node } = call;
  const counts = knownNumbers(call, 1);
  const all = Array.from({ length: rank }, (_, i) => i);
  const axes = optionalInput(call, 3) === null ? all : knownNumbers(call, 3);
  if (counts.length !== 2 * axes.length) fail(node, "needs two pads for every axis");
  const before = all.map(() => 0);
  const after = all.map(() => 0);
  axes.forEach((stated, i) => {
    const axis = normaliseAxis(node, stated, rank);
    before[axis] = counts[i] ?? 0;
    after[axis] = counts[axes.length + i] ?? 0;
  });
  return { before, after };
}

function infer(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const mode = modeOf(node);
  const { dtype, shape } = inputType(call, 0);
  const { before, after } = paddingOf(call, shape.length);
  const padded = shape.map((old, i) => {
    const [front, back] = [before[i] ?? 0, after[i] ?? 0];
    if (front === 0 && back === 0) return old;
    const size = fixedSize(node, shape, i);
    const most = { constant: Infinity, edge: Infinity, reflect: size - 1, wrap: size }[mode];
    if (mode !== "constant" && Math.min(front, back) < 0)
      unsupported(node, `cuts off by "${mode}"`);
    if (Math.max(front, back) > most) {
      unsupported(node, `pads ${size} elements by ${Math.max(front, back)} in mode "${mode}"`);
    }
    return size + front + back;
  });
  return [{ dtype, shape: padded }];
}

function modeOf(node: GraphNode): "constant" | "edge" | "reflect" | "wrap" {
  const mode = stringAttribute(node, "mode", "constant");
  if (mode === "constant" || mode === "edge" || mode === "reflect" || mode === "wrap") return mode;
  return unsupported(node, `pads in the unknown mode "${mode}"`);
}

function gradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, inputTypes, outputGradient } = call;
  const rank = outputGradient.shape.length;
  const { before, after } = paddingOf({ node, inputs: inputTypes }, rank);
  const mode = modeOf(node);
  let dx = outputGradient;
  for (let axis = 0; axis < rank; axis++) {
    const counts = [before[axis] ?? 0, after[axis] ?? 0] as const;
    if (mode === "constant") dx = cut(builder, dx, axis, counts);
    else dx = folded(builder, dx, { axis, counts, mode });
  }
  return [dx, null, zeroFor(call, 2), null].slice(0, inputs.length);
}

/** Without `counts` elements at the start and the end; zeros where those are negative. */
function cut(
  builder: GraphBuilder,
  x: Value,
  axis: number,
  counts: readonly [number, number],
): Value {
  const [front, back] = counts.map((count) => x.shape.map((_, i) => (i === axis ? -count : 0)));
  return pad(builder, x, front ?? [], back ?? []);
}

/** The middle of dy along `axis`, with both ends added where their elements come from. */
function folded(
  builder: GraphBuilder,
  dy: Value,
  options: {
    readonly axis: number;
    readonly counts: readonly [number, number];
    readonly mode: "edge" | "reflect" | "wrap";
  },
): Value {
  const { axis, counts, mode } = options;
  const [front, back] = counts;
  const length = sizeAt(dy.shape, axis);
  const size = length - front - back;
  let dx = cut(builder, dy, axis, [front, back]);
  for (const isFront of [true, false]) {
    const count = isFront ? front : back;
    if (count === 0) continue;
    const end = cut(builder, dy, axis, isFront ? [0, length - count] : [length - count, 0]);
    const part = {
      edge: () => sum(builder, end, [axis], { keepDimensions: true }),
      reflect: () => reverse(builder, end, [axis]),
      wrap: () => end,
    }[mode]();
    const start = {
      edge: isFront ? 0 : size - 1,
      reflect: isFront ? 1 : size - 1 - count,
      wrap: isFront ? size - count : 0,
    }[mode];
    const rest = size - start - sizeAt(part.shape, axis);
    dx = add(builder, dx, cut(builder, part, axis, [-start, -rest]));
  }
  assert(sizeAt(dx.shape, axis) === size, "what was added is gone");
  return dx;
}
