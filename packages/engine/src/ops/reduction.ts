/** Sums and means over axes. */
import { assert, sizeOf } from "@everfresh/core";
import { intAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { expand, reshape, scale } from "../graph/expressions.ts";
import type { GraphNode } from "../graph/graph.ts";
import { inputType, knownNumbers, normaliseAxis, optionalInput } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** y = Σ x over the axes:  ∂x = ∂y, repeated. */
export const reduceSumRule: OperatorRule = {
  infer,
  gradient: (call) => [spread(call, () => 1)],
};

/** y = the mean of x over the axes:  ∂x = ∂y / count, repeated. */
export const reduceMeanRule: OperatorRule = {
  infer,
  gradient: (call) => [spread(call, (count) => 1 / count)],
};

function infer(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  const axes = axesOf(call, shape.length);
  const keep = keepsDimensions(node);
  return [
    {
      dtype,
      shape: keep
        ? shape.map((size, i) => (axes.includes(i) ? 1 : size))
        : shape.filter((_, i) => !axes.includes(i)),
    },
  ];
}

/** Without an input of axes, all of them. */
function axesOf(call: InferenceCall, rank: number): readonly number[] {
  const { node } = call;
  const stated = optionalInput(call, 1) === null ? [] : knownNumbers(call, 1);
  if (stated.length > 0) return stated.map((axis) => normaliseAxis(node, axis, rank));
  const nothing = intAttribute(node, "noop_with_empty_axes", 0) !== 0;
  return nothing ? [] : Array.from({ length: rank }, (_, i) => i);
}

function keepsDimensions(node: GraphNode): boolean {
  return intAttribute(node, "keepdims", 1) !== 0;
}

function spread(call: GradientCall, factorOf: (count: number) => number): Value {
  const { builder, node, inputs, inputTypes, outputGradient } = call;
  const [x] = inputs;
  assert(!!x, "a reduction has an input");
  const axes = axesOf({ node, inputs: inputTypes }, x.shape.length);
  const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const scaled = scale(builder, outputGradient, factorOf(sizeOf(x.shape) / sizeOf(kept)));
  return expand(builder, reshape(builder, scaled, kept), x.shape);
}
