/** What stands between the layers of a network. */
import { assert } from "@everfresh/core";
import { floatAttribute, stringAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import {
  both,
  compare,
  map,
  scalar,
  select,
  smaller,
  toFloat,
} from "../graph/elementwise-expressions.ts";
import {
  add,
  exponential,
  isGreater,
  multiply,
  scale,
  subtract,
  sumTo,
} from "../graph/expressions.ts";
import type { ActivationKind } from "../graph/operator-kind.ts";
import { type UnaryCall, unary } from "./elementwise-rule.ts";
import { broadcastOrFail, fail, inputType, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** The rules of activations; at a kink the derivative is the one from the left, as in PyTorch. */
export const ACTIVATIONS: { readonly [K in ActivationKind]: OperatorRule } = {
  // y = x for x > 0, else α(eˣ − 1):  ∂x = ∂y · (1 for x > 0, else y + α).
  Elu: unary(({ builder, node, outputGradient, x, y }) => {
    const left = add(builder, y, scalar(builder, floatAttribute(node, "alpha", 1)));
    const slope = select(builder, isPositive(builder, x), scalar(builder, 1), left);
    return multiply(builder, outputGradient, slope);
  }),

  Gelu: {
    infer: (call) => {
      const approximation = stringAttribute(call.node, "approximate", "none");
      if (approximation !== "none" && approximation !== "tanh") {
        unsupported(call.node, `approximates by "${approximation}"`);
      }
      const { dtype, shape } = inputType(call, 0);
      return [{ dtype, shape }];
    },
    gradient: unary((call) =>
      multiply(
        call.builder,
        call.outputGradient,
        stringAttribute(call.node, "approximate", "none") === "tanh"
          ? slopeOfTanhGelu(call)
          : slopeOfGelu(call),
      ),
    ).gradient,
  },

  // y = min(max(αx + β, 0), 1):  ∂x = ∂y · α · [0 < y < 1].
  HardSigmoid: unary(({ builder, node, outputGradient, y }) => {
    const slope = scale(builder, isInside(builder, y), floatAttribute(node, "alpha", 0.2));
    return multiply(builder, outputGradient, slope);
  }),

  // y = x · h with h = min(max(x/6 + 1/2, 0), 1):  ∂x = ∂y · (h + x/6 · [0 < h < 1]).
  HardSwish: unary(({ builder, outputGradient, x }) => {
    const h = map(builder, "HardSigmoid", x, {
      alpha: { kind: "float", value: 1 / 6 },
      beta: { kind: "float", value: 0.5 },
    });
    const rest = multiply(builder, scale(builder, x, 1 / 6), isInside(builder, h));
    return multiply(builder, outputGradient, add(builder, h, rest));
  }),

  // y = x for x > 0, else αx:  ∂x = ∂y for x > 0, else α · ∂y.
  LeakyRelu: unary(({ builder, node, outputGradient, x }) => {
    const left = scale(builder, outputGradient, floatAttribute(node, "alpha", 0.01));
    return select(builder, isPositive(builder, x), outputGradient, left);
  }),

  // y = x · t with t = tanh(ln(1 + eˣ)):  ∂x = ∂y · (t + x · (1 − t²) · sigmoid x).
  Mish: unary(({ builder, outputGradient, x }) => {
    const t = map(builder, "Tanh", map(builder, "Softplus", x));
    const rest = multiply(builder, oneMinusSquare(builder, t), map(builder, "Sigmoid", x));
    return multiply(builder, outputGradient, add(builder, t, multiply(builder, x, rest)));
  }),

  PRelu: { infer: inferPRelu, gradient: gradientOfPRelu },

  // y = max(x, 0):  ∂x = ∂y · [y > 0].
  Relu: unary(({ builder, outputGradient, y }) =>
    multiply(builder, outputGradient, isGreater(builder, y, 0)),
  ),

  // y = γx for x > 0, else γα(eˣ − 1):  ∂x = ∂y · (γ for x > 0, else y + γα).
  Selu: unary(({ builder, node, outputGradient, x, y }) => {
    // The defaults of the ONNX specification, to the last digit of float32.
    const alpha = floatAttribute(node, "alpha", 1.6732632423543772);
    const gamma = floatAttribute(node, "gamma", 1.0507009873554805);
    const left = add(builder, y, scalar(builder, gamma * alpha));
    const slope = select(builder, isPositive(builder, x), scalar(builder, gamma), left);
    return multiply(builder, outputGradient, slope);
  }),

  // y = 1 / (1 + e⁻ˣ):  ∂x = ∂y · y · (1 − y) = ∂y · y − (∂y · y) · y.
  Sigmoid: unary(({ builder, outputGradient, y }) => {
    const scaled = multiply(builder, outputGradient, y);
    return subtract(builder, scaled, multiply(builder, scaled, y));
  }),

  // y = ln(1 + eˣ):  ∂x = ∂y · sigmoid x.
  Softplus: unary(({ builder, outputGradient, x }) =>
    multiply(builder, outputGradient, map(builder, "Sigmoid", x)),
  ),

  // y = x / (1 + |x|):  ∂x = ∂y · (1 − |y|)².
  Softsign: unary(({ builder, outputGradient, y }) => {
    const root = subtract(builder, scalar(builder, 1), map(builder, "Abs", y));
    return multiply(builder, outputGradient, multiply(builder, root, root));
  }),

  // y = tanh x:  ∂x = ∂y − ∂y · y².
  Tanh: unary(({ builder, outputGradient, y }) =>
    subtract(builder, outputGradient, multiply(builder, outputGradient, multiply(builder, y, y))),
  ),
};

/**
 * y = x · Φ with Φ = (1 + erf(x/√2)) / 2:
 *
 *   ∂y/∂x = Φ + x · e^(−x²/2) / √(2π)
 */
function slopeOfGelu({ builder, x }: UnaryCall): Value {
  const erf = map(builder, "Erf", scale(builder, x, Math.SQRT1_2));
  const phi = scale(builder, add(builder, erf, scalar(builder, 1)), 0.5);
  const bell = exponential(builder, scale(builder, multiply(builder, x, x), -0.5));
  const density = scale(builder, bell, 1 / Math.sqrt(2 * Math.PI));
  return add(builder, phi, multiply(builder, x, density));
}

/**
 * y = x/2 · (1 + t) with t = tanh(√(2/π) · (x + c·x³)), c = 0.044715:
 *
 *   ∂y/∂x = (1 + t)/2 + x/2 · (1 − t²) · √(2/π) · (1 + 3c·x²)
 */
function slopeOfTanhGelu({ builder, x }: UnaryCall): Value {
  const cubic = 0.044715;
  const factor = Math.sqrt(2 / Math.PI);
  const one = scalar(builder, 1);
  const square = multiply(builder, x, x);
  const inner = add(builder, one, scale(builder, square, cubic));
  const t = map(builder, "Tanh", scale(builder, multiply(builder, x, inner), factor));
  const outer = add(builder, one, scale(builder, square, 3 * cubic));
  const bend = multiply(builder, oneMinusSquare(builder, t), multiply(builder, x, outer));
  return add(builder, scale(builder, add(builder, one, t), 0.5), scale(builder, bend, factor / 2));
}

function inferPRelu(call: InferenceCall): readonly KnownType[] {
  const { dtype, shape } = inputType(call, 0);
  const slope = inputType(call, 1);
  const broadcast = broadcastOrFail(call.node, shape, slope.shape);
  if (broadcast.length !== shape.length) fail(call.node, "slope has more dimensions than x");
  return [{ dtype, shape }];
}

/** y = x for x > 0, else s·x:  ∂x = ∂y for x > 0, else ∂y · s; ∂s = ∂y · min(x, 0). */
function gradientOfPRelu(call: GradientCall): readonly (Value | null)[] {
  const { builder, inputs, outputGradient, wanted } = call;
  const [x, slope] = inputs;
  assert(!!x && !!slope, "PRelu has two inputs");
  const dx = (): Value => {
    const left = multiply(builder, outputGradient, slope);
    return select(builder, isPositive(builder, x), outputGradient, left);
  };
  const ds = (): Value => {
    const negative = smaller(builder, x, scalar(builder, 0));
    return sumTo(builder, multiply(builder, outputGradient, negative), slope.shape);
  };
  return [wanted[0] === true ? dx() : null, wanted[1] === true ? ds() : null];
}

function isPositive(builder: GraphBuilder, x: Value): Value {
  return compare(builder, "Greater", x, scalar(builder, 0));
}

/** 1 where 0 < y < 1, else 0. */
function isInside(builder: GraphBuilder, y: Value): Value {
  const below = compare(builder, "Less", y, scalar(builder, 1));
  return toFloat(builder, both(builder, isPositive(builder, y), below));
}

/** 1 − t². */
function oneMinusSquare(builder: GraphBuilder, t: Value): Value {
  return subtract(builder, scalar(builder, 1), multiply(builder, t, t));
}
