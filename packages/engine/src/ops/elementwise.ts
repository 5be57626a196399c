/** Operators that work on each element by itself. */
import { assert } from "@everfresh/core";
import type { Value } from "../graph/builder.ts";
import {
  divide,
  isGreater,
  multiply,
  negate,
  scale,
  subtract,
  sumTo,
} from "../graph/expressions.ts";
import { broadcastInputs, sameAsInput } from "./inference.ts";
import type { GradientCall, GradientRule, OperatorRule } from "./operator.ts";

/** Both operands and the output of a binary operator. */
interface BinaryCall extends GradientCall {
  readonly x: Value;
  readonly y: Value;
  readonly output: Value;
}

/** y = a + b:  ∂a = ∂y, ∂b = ∂y. */
export const addRule: OperatorRule = binary(
  ({ outputGradient }) => outputGradient,
  ({ outputGradient }) => outputGradient,
);

/** y = a − b:  ∂a = ∂y, ∂b = −∂y. */
export const subRule: OperatorRule = binary(
  ({ outputGradient }) => outputGradient,
  // Summing first leaves less to negate.
  ({ builder, outputGradient, y }) => negate(builder, sumTo(builder, outputGradient, y.shape)),
);

/** y = a · b:  ∂a = ∂y · b, ∂b = ∂y · a. */
export const mulRule: OperatorRule = binary(
  ({ builder, outputGradient, y }) => multiply(builder, outputGradient, y),
  ({ builder, outputGradient, x }) => multiply(builder, outputGradient, x),
);

/** y = a / b:  ∂a = ∂y / b, ∂b = −∂y · y / b. */
export const divRule: OperatorRule = binary(
  ({ builder, outputGradient, y }) => divide(builder, outputGradient, y),
  ({ builder, outputGradient, y, output }) =>
    negate(builder, multiply(builder, divide(builder, outputGradient, y), output)),
);

/** y = −x:  ∂x = −∂y. */
export const negRule: OperatorRule = unary(({ builder, outputGradient }) =>
  negate(builder, outputGradient),
);

/** y = eˣ:  ∂x = ∂y · y. */
export const expRule: OperatorRule = unary(({ builder, outputGradient }, y) =>
  multiply(builder, outputGradient, y),
);

/** y = √x:  ∂x = ∂y / (2y). */
export const sqrtRule: OperatorRule = unary(({ builder, outputGradient }, y) =>
  divide(builder, scale(builder, outputGradient, 0.5), y),
);

/** y = max(x, 0):  ∂x = ∂y · [y > 0]; 0 at the kink, as PyTorch. */
export const reluRule: OperatorRule = unary(({ builder, outputGradient }, y) =>
  multiply(builder, outputGradient, isGreater(builder, y, 0)),
);

/** y = tanh x:  ∂x = ∂y − ∂y · y². */
export const tanhRule: OperatorRule = unary(({ builder, outputGradient }, y) =>
  subtract(builder, outputGradient, multiply(builder, outputGradient, multiply(builder, y, y))),
);

/** y = 1 / (1 + e⁻ˣ):  ∂x = ∂y · y · (1 − y) = ∂y · y − (∂y · y) · y. */
export const sigmoidRule: OperatorRule = unary(({ builder, outputGradient }, y) => {
  const scaled = multiply(builder, outputGradient, y);
  return subtract(builder, scaled, multiply(builder, scaled, y));
});

function unary(gradient: (call: GradientCall, output: Value) => Value): OperatorRule {
  return {
    infer: sameAsInput,
    gradient: (call) => {
      const [output] = call.outputs;
      assert(output !== undefined, "a unary operator has an output");
      return [gradient(call, output)];
    },
  };
}

/** The rules give gradients in the output's shape; what broadcasting repeated is summed here. */
function binary(
  gradientOfX: (call: BinaryCall) => Value,
  gradientOfY: (call: BinaryCall) => Value,
): OperatorRule {
  const gradient: GradientRule = (call) => {
    const [x, y] = call.inputs;
    const [output] = call.outputs;
    assert(!!x && !!y && output !== undefined, "a binary operator has two inputs");
    const operands = { ...call, x, y, output };
    const { builder, wanted } = call;
    return [
      wanted[0] === true ? sumTo(builder, gradientOfX(operands), x.shape) : null,
      wanted[1] === true ? sumTo(builder, gradientOfY(operands), y.shape) : null,
    ];
  };
  return { infer: broadcastInputs, gradient };
}
