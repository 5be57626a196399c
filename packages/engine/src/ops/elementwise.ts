/** Arithmetic and functions of single elements. */
import { intAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { divideDimensions, multiplyDimensions } from "../graph/dimension.ts";
import { compare, map, power, scalar, select, toFloat } from "../graph/elementwise-expressions.ts";
import {
  add,
  divide,
  exponential,
  multiply,
  negate,
  scale,
  subtract,
  sumTo,
} from "../graph/expressions.ts";
import type { Dimension } from "../graph/graph.ts";
import type { ArithmeticKind } from "../graph/operator-kind.ts";
import { type BinaryCall, binary, type Fold, folded, step, unary } from "./elementwise-rule.ts";
import { broadcastInputs, broadcastOrFail, inputType } from "./inference.ts";
import type { InferenceCall, OperatorRule } from "./operator.ts";

/** The rules of arithmetic. */
export const ARITHMETIC: { readonly [K in ArithmeticKind]: OperatorRule } = {
  // y = |x|:  ∂x = ∂y · sign x; 0 at 0.
  Abs: unary(({ builder, outputGradient, x }) =>
    multiply(builder, outputGradient, map(builder, "Sign", x)),
  ),

  // y = a + b:  ∂a = ∂y, ∂b = ∂y.
  Add: binary(
    ({ outputGradient }) => outputGradient,
    ({ outputGradient }) => outputGradient,
    addDimensions,
  ),

  // y = the next whole number upwards:  ∂x = 0.
  Ceil: step(Math.ceil),

  // y = cos x:  ∂x = −∂y · sin x.
  Cos: unary(({ builder, outputGradient, x }) =>
    negate(builder, multiply(builder, outputGradient, map(builder, "Sin", x))),
  ),

  // y = a / b:  ∂a = ∂y / b, ∂b = −∂y · y / b.
  Div: binary(
    ({ builder, outputGradient, b }) => divide(builder, outputGradient, b),
    ({ builder, outputGradient, b, y }) =>
      negate(builder, multiply(builder, divide(builder, outputGradient, b), y)),
    quotientOf,
    (a = 0, b = 1) => (typeof b === "number" && b !== 0 ? multiplyDimensions(a, 1 / b) : null),
  ),

  // y = erf x:  ∂x = ∂y · 2/√π · e^(−x²).
  Erf: unary(({ builder, outputGradient, x }) => {
    const bell = exponential(builder, negate(builder, multiply(builder, x, x)));
    return multiply(builder, outputGradient, scale(builder, bell, 2 / Math.sqrt(Math.PI)));
  }),

  // y = eˣ:  ∂x = ∂y · y.
  Exp: unary(({ builder, outputGradient, y }) => multiply(builder, outputGradient, y)),

  // y = the next whole number downwards:  ∂x = 0.
  Floor: step(Math.floor),

  // y = ln x:  ∂x = ∂y / x.
  Log: unary(({ builder, outputGradient, x }) => divide(builder, outputGradient, x)),

  // y = a − b · q with the quotient q towards 0 (or −∞ for integers):  ∂a = ∂y, ∂b = −∂y · q.
  Mod: {
    infer: (call) =>
      broadcastInputs(call).map((type) => ({
        ...type,
        ...folded([inputType(call, 0), inputType(call, 1)], remainderOf(call)),
      })),
    gradient: binary(
      ({ outputGradient }) => outputGradient,
      ({ builder, outputGradient, a, b, y }) => {
        const quotient = divide(builder, subtract(builder, y, a), b);
        return multiply(builder, outputGradient, quotient);
      },
    ).gradient,
  },

  // y = a · b:  ∂a = ∂y · b, ∂b = ∂y · a.
  Mul: binary(
    ({ builder, outputGradient, b }) => multiply(builder, outputGradient, b),
    ({ builder, outputGradient, a }) => multiply(builder, outputGradient, a),
    (a = 1, b = 1) => multiplyDimensions(a, b),
  ),

  // y = −x:  ∂x = −∂y.
  Neg: unary(({ builder, outputGradient }) => negate(builder, outputGradient)),

  // y = aᵇ:  ∂a = ∂y · b · aᵇ⁻¹, ∂b = ∂y · y · ln a; each 0 where its first factor is.
  Pow: {
    // The exponent may be of another type.
    infer: (call) => {
      const base = inputType(call, 0);
      const shape = broadcastOrFail(call.node, base.shape, inputType(call, 1).shape);
      return [{ dtype: base.dtype, shape }];
    },
    gradient: binary(gradientOfBase, gradientOfExponent).gradient,
  },

  // y = 1 / x:  ∂x = −∂y · y².
  Reciprocal: unary(({ builder, outputGradient, y }) =>
    negate(builder, multiply(builder, multiply(builder, outputGradient, y), y)),
  ),

  // y = the nearest whole number:  ∂x = 0.
  Round: step(),

  // y = −1, 0 or 1:  ∂x = 0.
  Sign: step(),

  // y = sin x:  ∂x = ∂y · cos x.
  Sin: unary(({ builder, outputGradient, x }) =>
    multiply(builder, outputGradient, map(builder, "Cos", x)),
  ),

  // y = √x:  ∂x = ∂y / (2y).
  Sqrt: unary(({ builder, outputGradient, y }) =>
    divide(builder, scale(builder, outputGradient, 0.5), y),
  ),

  // y = a − b:  ∂a = ∂y, ∂b = −∂y. Summing first leaves less to negate.
  Sub: binary(
    ({ outputGradient }) => outputGradient,
    ({ builder, outputGradient, b }) => negate(builder, sumTo(builder, outputGradient, b.shape)),
    (a = 0, b = 0) => {
      const negative = multiplyDimensions(b, -1);
      return negative === null ? null : addDimensions(a, negative);
    },
  ),
};

function gradientOfBase({ builder, outputGradient, a, b, inputTypes }: BinaryCall): Value {
  const exponent = inputTypes[1]?.constant;
  if (exponent?.data.length === 1) {
    const k = Number(exponent.data[0]);
    if (k === 2) return multiply(builder, outputGradient, scale(builder, a, 2));
    const slope = k === 0 ? scale(builder, a, 0) : power(builder, a, scalar(builder, k - 1));
    return multiply(builder, outputGradient, scale(builder, slope, k));
  }
  const floats = toFloat(builder, b);
  const zero = scalar(builder, 0);
  const less = add(builder, floats, scalar(builder, -1));
  const slope = multiply(builder, floats, power(builder, a, less));
  const isConstant = compare(builder, "Equal", floats, zero);
  return multiply(builder, outputGradient, select(builder, isConstant, zero, slope));
}

function gradientOfExponent({ builder, outputGradient, a, y }: BinaryCall): Value {
  const zero = scalar(builder, 0);
  const slope = multiply(builder, y, map(builder, "Log", a));
  const slopeOrZero = select(builder, compare(builder, "Equal", a, zero), zero, slope);
  return multiply(builder, outputGradient, slopeOrZero);
}

function addDimensions(a: Dimension = 0, b: Dimension = 0): Dimension | null {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  if (typeof a === "number" || typeof b === "number") return null;
  const batches = a.batches + b.batches;
  return batches === 0 ? 0 : { batches };
}

/** The remainder has the sign of the divisor, or of the dividend with fmod. */
function remainderOf({ node }: InferenceCall): Fold {
  const isFmod = intAttribute(node, "fmod", 0) !== 0;
  return (a = 0, b = 0) => {
    if (typeof a !== "number" || typeof b !== "number" || b === 0) return null;
    return isFmod ? a % b : ((a % b) + b) % b;
  };
}

/** ONNX's division of whole numbers drops the remainder. */
function quotientOf(a: Dimension = 0, b: Dimension = 1): Dimension | null {
  if (b === 0) return null;
  if (typeof a === "number" && typeof b === "number") return Math.trunc(a / b);
  return divideDimensions(a, b);
}
