/** Random uses of elementwise operators. */
import type { Shape, Tensor } from "@everfresh/core";
import fc from "fast-check";
import type {
  ActivationKind,
  ArithmeticKind,
  ComparisonKind,
  SelectionKind,
  ShapeKind,
} from "../graph/operator-kind.ts";
import {
  awayFromZero,
  binary,
  booleans,
  broadcastPairs,
  type CaseSource,
  flags,
  float,
  floats,
  int,
  integers,
  separated,
  shapes,
  sizes,
  smooth,
  seeds,
  text,
  unary,
} from "./case-source.fixture.ts";
import type { OperatorCase } from "./gradient-check.fixture.ts";
import { nonDifferentiable } from "./operator.ts";

const positive = (seed: number, shape: Shape): Tensor => smooth(seed, shape, 2);

/** Separated values moved by `offset`. */
function spread(offset: number) {
  return (seed: number, shape: Shape): Tensor => {
    const { data } = separated(seed, shape);
    return floats(
      Array.from(data, Number).map((x) => x + offset),
      shape,
    );
  };
}

const alphas = fc.constantFrom({}, { alpha: float(0.3) }, { alpha: float(1.5) });

/** A constant exponent of either type, a trained one, and exponents that broadcast. */
const pow: fc.Arbitrary<OperatorCase> = fc.oneof(
  binary({ left: 2, right: 1 }),
  fc
    .record({ shape: shapes, exponent: fc.constantFrom(0, 1, 2, 3), seed: seeds })
    .map(({ shape, exponent, seed }): OperatorCase => ({
      attributes: {},
      inputs: [awayFromZero(seed, shape), integers([exponent], [])],
    })),
  fc
    .record({ shape: shapes, exponent: fc.constantFrom(-1, 0.5, 1.5, 2), seed: seeds })
    .map(({ shape, exponent, seed }): OperatorCase => ({
      attributes: {},
      inputs: [positive(seed, shape), floats([exponent], [])],
      constants: [1],
    })),
);

/** Quotients far from every whole number, of either sign. */
const mod: fc.Arbitrary<OperatorCase> = fc
  .record({ pair: broadcastPairs, offset: fc.constantFrom(-1.5, 1.5) })
  .map(({ pair: { left, right, seed }, offset }) => {
    const scaled = (x: Tensor, factor: number, add: number): Tensor =>
      floats(
        Array.from(x.data, Number).map((value) => factor * value + add),
        x.shape,
      );
    return {
      attributes: { fmod: int(1) },
      inputs: [scaled(smooth(seed, left), 0.1, offset), scaled(smooth(seed + 1, right), 0.05, 1)],
    };
  });

const clip: fc.Arbitrary<OperatorCase> = fc
  .record({ shape: shapes, low: flags, high: flags, seed: seeds })
  .map(({ shape, low, high, seed }) => ({
    attributes: {},
    inputs: [
      separated(seed, shape),
      low ? floats([-0.5], []) : null,
      ...(high ? [floats([0.5], [])] : []),
    ],
  }));

/** One to three inputs whose elements are far from each other. */
const extreme: fc.Arbitrary<OperatorCase> = fc
  .record({ pair: broadcastPairs, count: fc.integer({ min: 1, max: 3 }) })
  .map(({ pair: { left, right, seed }, count }) => ({
    attributes: {},
    inputs: [
      separated(seed, left),
      spread(0.125)(seed + 1, right),
      spread(0.25)(seed + 2, [1]),
    ].slice(0, count),
  }));

const where: fc.Arbitrary<OperatorCase> = fc
  .record({ pair: broadcastPairs, reversed: flags })
  .map(({ pair: { left, right, seed }, reversed }) => {
    const [first, second] = reversed ? [left, right] : [right, left];
    return {
      attributes: {},
      inputs: [booleans(seed, first), smooth(seed, second), smooth(seed + 1, right)],
    };
  });

const pRelu: fc.Arbitrary<OperatorCase> = fc
  .record({
    n: sizes,
    c: sizes,
    image: fc.array(sizes, { maxLength: 2 }),
    each: flags,
    seed: seeds,
  })
  .map(({ n, c, image, each, seed }) => ({
    attributes: {},
    inputs: [
      awayFromZero(seed, [n, c, ...image]),
      smooth(seed + 1, each ? [c, ...image.map(() => 1)] : [1]),
    ],
  }));

/** Uses of arithmetic. */
export const ARITHMETIC_CASES: { readonly [K in ArithmeticKind]: CaseSource } = {
  Abs: unary(separated),
  Add: binary(),
  Ceil: unary(separated),
  Cos: unary(smooth),
  Div: binary({ right: 2.5 }),
  Erf: unary(smooth),
  Exp: unary(smooth),
  Floor: unary(separated),
  Log: unary(positive),
  Mod: mod,
  Mul: binary(),
  Neg: unary(smooth),
  Pow: pow,
  Reciprocal: unary((seed, shape) => smooth(seed, shape, 2.5)),
  Round: unary(separated),
  Sign: unary(separated),
  Sin: unary(smooth),
  Sqrt: unary(positive),
  Sub: binary(),
};

/** Uses of activations. */
export const ACTIVATION_CASES: { readonly [K in ActivationKind]: CaseSource } = {
  Elu: unary(awayFromZero, alphas),
  Gelu: unary(
    (seed, shape) => smooth(seed, shape),
    fc.constantFrom({}, { approximate: text("none") }, { approximate: text("tanh") }),
  ),
  HardSigmoid: unary(spread(0.1), fc.constantFrom({}, { alpha: float(0.25), beta: float(0.5) })),
  HardSwish: unary(spread(0.05)),
  LeakyRelu: unary(separated, alphas),
  Mish: unary(smooth),
  PRelu: pRelu,
  Relu: unary(separated),
  Selu: unary(awayFromZero, fc.constantFrom({}, { alpha: float(1.2), gamma: float(0.9) })),
  Sigmoid: unary(smooth),
  Softplus: unary(smooth),
  Softsign: unary(awayFromZero),
  Tanh: unary(smooth),
};

/** Uses of operators that choose. */
export const SELECTION_CASES: { readonly [K in SelectionKind]: CaseSource } = {
  Clip: clip,
  Max: extreme,
  Min: extreme,
  Where: where,
};

/** Uses of what is about values as a whole. */
export const SHAPE_CASES: { readonly [K in ShapeKind]: CaseSource } = {
  Cast: unary(smooth, fc.constant({ to: int(1) })),
  CastLike: shapes.map((shape) => ({
    attributes: {},
    inputs: [smooth(3, shape), floats([1], [])],
    constants: [1],
  })),
  ConstantOfShape: nonDifferentiable,
  Range: nonDifferentiable,
  Shape: nonDifferentiable,
};

/** Comparisons have types to check, and no gradient. */
export const COMPARISON_CASES: { readonly [K in ComparisonKind]: CaseSource } = {
  And: nonDifferentiable,
  Equal: nonDifferentiable,
  Greater: nonDifferentiable,
  GreaterOrEqual: nonDifferentiable,
  Less: nonDifferentiable,
  LessOrEqual: nonDifferentiable,
  Not: nonDifferentiable,
  Or: nonDifferentiable,
};
