/** Operators that choose between elements. */
import { assert } from "@everfresh/core";
import type { Value } from "../graph/builder.ts";
import { both, compare, scalar, select, toFloat } from "../graph/elementwise-expressions.ts";
import { add, divide, isEqual, multiply, sumTo } from "../graph/expressions.ts";
import type { Dimension, GraphShape } from "../graph/graph.ts";
import type { SelectionKind } from "../graph/operator-kind.ts";
import { type Fold, folded, zeroFor } from "./elementwise-rule.ts";
import { broadcastOrFail, fail, inputType } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** The rules of operators that choose between elements. */
export const SELECTION: { readonly [K in SelectionKind]: OperatorRule } = {
  Clip: {
    infer: (call) => {
      const { dtype, shape } = inputType(call, 0);
      return [{ dtype, shape }];
    },
    gradient: gradientOfClip,
    note: "no gradient at the bounds themselves, like PyTorch's ReLU6",
  },

  // y = the largest of the inputs.
  Max: {
    infer: (call) => inferExtreme(call, (...sizes) => extremeOf(sizes, Math.max)),
    gradient: gradientOfExtreme,
    note: "equal elements share the gradient",
  },

  // y = the smallest of the inputs.
  Min: {
    infer: (call) => inferExtreme(call, (...sizes) => extremeOf(sizes, Math.min)),
    gradient: gradientOfExtreme,
    note: "equal elements share the gradient",
  },

  Where: { infer: inferWhere, gradient: gradientOfWhere, settings: [0] },
};

/**
 * y = min(max(x, low), high):
 *
 *   ∂x = ∂y · [low < y < high]      ∂low = Σ ∂y · [x < low]      ∂high = Σ ∂y · [x > high]
 */
function gradientOfClip(call: GradientCall): readonly (Value | null)[] {
  const { builder, inputs, outputs, outputGradient, wanted } = call;
  const [x, low, high] = inputs;
  const [y] = outputs;
  assert(!!x && y !== undefined, "Clip has an input and an output");
  const inside = (): Value => {
    const above = low ? compare(builder, "Greater", y, low) : null;
    const below = high ? compare(builder, "Less", y, high) : null;
    const mask = above && below ? both(builder, above, below) : (above ?? below);
    if (mask === null) return outputGradient;
    return multiply(builder, outputGradient, toFloat(builder, mask));
  };
  const outside = (bound: Value, operator: "Less" | "Greater"): Value => {
    const mask = toFloat(builder, compare(builder, operator, x, bound));
    return sumTo(builder, multiply(builder, outputGradient, mask), bound.shape);
  };
  return [
    wanted[0] === true ? inside() : null,
    wanted[1] === true && low ? outside(low, "Less") : null,
    wanted[2] === true && high ? outside(high, "Greater") : null,
  ].slice(0, inputs.length);
}

/** ∂xᵢ = ∂y · [xᵢ = y] / Σₖ [xₖ = y]: equal elements share the gradient. */
function gradientOfExtreme(call: GradientCall): readonly (Value | null)[] {
  const { builder, inputs, outputs, outputGradient, wanted } = call;
  const [y] = outputs;
  assert(y !== undefined, "the operator has an output");
  if (inputs.length === 1) return [outputGradient];
  const masks = inputs.map((input) => {
    assert(input !== null, "the operator has no optional inputs");
    return isEqual(builder, y, input);
  });
  const count = masks.reduce((total, mask) => add(builder, total, mask));
  const each = divide(builder, outputGradient, count);
  return masks.map((mask, i) =>
    wanted[i] === true ? sumTo(builder, multiply(builder, each, mask), shapeAt(call, i)) : null,
  );
}

function inferExtreme(call: InferenceCall, fold: Fold): readonly KnownType[] {
  const types = call.node.inputs.map((_, i) => inputType(call, i));
  const { dtype } = inputType(call, 0);
  let shape: GraphShape = [];
  for (const type of types) {
    if (type.dtype !== dtype) fail(call.node, `inputs are ${dtype} and ${type.dtype}`);
    shape = broadcastOrFail(call.node, shape, type.shape);
  }
  return [{ dtype, shape, ...folded(types, fold) }];
}

function extremeOf(
  sizes: readonly Dimension[],
  choose: (...values: number[]) => number,
): number | null {
  const numbers = sizes.filter((size) => typeof size === "number");
  return numbers.length === sizes.length ? choose(...numbers) : null;
}

function inferWhere(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const types = [0, 1, 2].map((i) => inputType(call, i));
  const [condition, a, b] = types;
  assert(!!condition && !!a && !!b, "Where has three inputs");
  if (condition.dtype !== "bool") fail(node, `the condition is ${condition.dtype}, not bool`);
  if (a.dtype !== b.dtype) fail(node, `inputs are ${a.dtype} and ${b.dtype}`);
  const shape = broadcastOrFail(node, broadcastOrFail(node, condition.shape, a.shape), b.shape);
  const known = folded(types, (c, x = 0, y = 0) => (c === 0 ? y : x));
  return [{ dtype: a.dtype, shape, ...known }];
}

/** y = a where c, else b:  ∂a = ∂y where c, else 0; ∂b = 0 where c, else ∂y. */
function gradientOfWhere(call: GradientCall): readonly (Value | null)[] {
  const { builder, inputs, outputGradient, wanted } = call;
  const [condition, a, b] = inputs;
  assert(!!condition && !!a && !!b, "Where has three inputs");
  const zero = scalar(builder, 0);
  const da = (): Value => select(builder, condition, outputGradient, zero);
  const db = (): Value => select(builder, condition, zero, outputGradient);
  return [
    zeroFor(call, 0),
    wanted[1] === true ? sumTo(builder, da(), a.shape) : null,
    wanted[2] === true ? sumTo(builder, db(), b.shape) : null,
  ];
}

function shapeAt({ inputs }: GradientCall, index: number): readonly number[] {
  return inputs[index]?.shape ?? [];
}
