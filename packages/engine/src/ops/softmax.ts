/** Operators that make probabilities. */
import { assert } from "@everfresh/core";
import { intAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { exponential, multiply, subtract, sum } from "../graph/expressions.ts";
import { inputType, normaliseAxis } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** yᵢ = eˣⁱ / Σ eˣ along `axis`:  ∂x = t − y · Σ t with t = ∂y · y. */
export const softmaxRule: OperatorRule = {
  infer,
  gradient: (call) => {
    const { builder, outputGradient } = call;
    const y = outputOf(call);
    const t = multiply(builder, outputGradient, y);
    return [subtract(builder, t, multiply(builder, y, sumAlong(call, t)))];
  },
};

/** yᵢ = xᵢ − log Σ eˣ along `axis`:  ∂x = ∂y − eʸ · Σ ∂y. */
export const logSoftmaxRule: OperatorRule = {
  infer,
  gradient: (call) => {
    const { builder, outputGradient } = call;
    const probabilities = exponential(builder, outputOf(call));
    const total = sumAlong(call, outputGradient);
    return [subtract(builder, outputGradient, multiply(builder, probabilities, total))];
  },
};

function infer(call: InferenceCall): readonly KnownType[] {
  const { dtype, shape } = inputType(call, 0);
  normaliseAxis(call.node, intAttribute(call.node, "axis", -1), shape.length);
  return [{ dtype, shape }];
}

function sumAlong({ builder, node }: GradientCall, x: Value): Value {
  const axis = normaliseAxis(node, intAttribute(node, "axis", -1), x.shape.length);
  return sum(builder, x, [axis], { keepDimensions: true });
}

function outputOf({ outputs }: GradientCall): Value {
  const [y] = outputs;
  assert(y !== undefined, "softmax has an output");
  return y;
}
