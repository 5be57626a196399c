/** Operators that make one number of many: all elements along some axes. */
import { assert, sizeOf } from "@everfresh/core";
import { intAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { larger, map, scalar } from "../graph/elementwise-expressions.ts";
import {
  add,
  divide,
  expand,
  exponential,
  isEqual,
  multiply,
  reshape,
  scale,
  subtract,
  sum,
} from "../graph/expressions.ts";
import type { ReductionKind } from "../graph/operator-kind.ts";
import { inputType, knownNumbers, normaliseAxis, optionalInput, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** A reduction to differentiate; y and ∂y have size 1 along the axes, whatever keepdims says. */
interface ReductionCall {
  readonly builder: GradientCall["builder"];
  readonly x: Value;
  readonly y: Value;
  readonly dy: Value;
  readonly axes: readonly number[];
  /** How many elements make one. */
  readonly count: number;
}

/** Norms below this count as this: the gradient of the norm of zeros is 0, as in PyTorch. */
const NORM_MIN = 1e-20;

/** Reductions that leave a single element as it is. */
const OF_ONE_IS_ITSELF: ReadonlySet<string> = new Set<ReductionKind>([
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceProd",
  "ReduceSum",
]);

/** The rules of reductions. */
export const REDUCTIONS: { readonly [K in ReductionKind]: OperatorRule } = {
  // y = Σ |x|:  ∂x = ∂y · sign x.
  ReduceL1: reduction(({ builder, x, dy }) => multiply(builder, dy, map(builder, "Sign", x))),

  // y = √Σ x²:  ∂x = x · (∂y / y).
  ReduceL2: reduction(({ builder, x, y, dy }) =>
    multiply(builder, x, divide(builder, dy, larger(builder, y, scalar(builder, NORM_MIN)))),
  ),

  // y = ln Σ eˣ:  ∂x = ∂y · e^(x − y).
  ReduceLogSumExp: reduction(({ builder, x, y, dy }) =>
    multiply(builder, dy, exponential(builder, subtract(builder, x, y))),
  ),

  ReduceMax: { ...reduction(shareOfExtreme), note: "equal elements share the gradient" },

  // y = Σ x / count:  ∂x = ∂y / count, repeated.
  ReduceMean: reduction(({ builder, x, dy, count }) =>
    expand(builder, scale(builder, dy, 1 / count), x.shape),
  ),

  ReduceMin: { ...reduction(shareOfExtreme), note: "equal elements share the gradient" },

  ReduceProd: reduction(gradientOfProduct),

  // y = Σ x:  ∂x = ∂y, repeated.
  ReduceSum: reduction(({ builder, x, dy }) => expand(builder, dy, x.shape)),

  // y = Σ x²:  ∂x = 2x · ∂y.
  ReduceSumSquare: reduction(({ builder, x, dy }) => multiply(builder, x, scale(builder, dy, 2))),
};

/** y = max x or min x:  ∂x = [x = y] · (∂y / Σ [x = y]): equal elements share the gradient. */
function shareOfExtreme({ builder, x, y, dy, axes }: ReductionCall): Value {
  const mask = isEqual(builder, x, y);
  const each = divide(builder, dy, sum(builder, mask, axes, { keepDimensions: true }));
  return multiply(builder, mask, each);
}

/**
 * y = Π x:  ∂xᵢ = ∂y · Π of the others. With zeros z = [x = 0] and p = Π (x + z), the others make
 * p / (x + z) where they have no zero, that is where z = Σ z; else 0.
 */
function gradientOfProduct({ builder, x, y, dy, axes }: ReductionCall): Value {
  const zeros = isEqual(builder, x, scalar(builder, 0));
  const others = add(builder, x, zeros);
  const keep = { keepdims: { kind: "int", value: 1 } } as const;
  const type = { dtype: y.dtype, shape: y.shape };
  const product = builder.emit("ReduceProd", [others, builder.ints(axes)], type, keep);
  const count = sum(builder, zeros, axes, { keepDimensions: true });
  const counts = multiply(builder, dy, divide(builder, product, others));
  return multiply(builder, counts, isEqual(builder, zeros, count));
}

function reduction(gradient: (call: ReductionCall) => Value): OperatorRule {
  return {
    infer: (call) => {
      const axes = axesOf(call, inputType(call, 0).shape.length);
      // ONNX Runtime copies x then, the specification computes |x| and the like: leave it.
      if (axes.length === 0 && !OF_ONE_IS_ITSELF.has(call.node.operator)) {
        unsupported(call.node, "reduces no axes");
      }
      return infer(call, axes);
    },
    gradient: (call) => {
      const { builder, node, inputs, inputTypes, outputs, outputGradient } = call;
      const [x] = inputs;
      const [y] = outputs;
      assert(!!x && y !== undefined, "a reduction has an input and an output");
      const axes = axesOf({ node, inputs: inputTypes }, x.shape.length);
      const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
      const count = sizeOf(x.shape) / sizeOf(kept);
      const dy = reshape(builder, outputGradient, kept);
      return [gradient({ builder, x, y: reshape(builder, y, kept), dy, axes, count }), null];
    },
  };
}

function infer(call: InferenceCall, axes: readonly number[]): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  const keep = intAttribute(node, "keepdims", 1) !== 0;
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
  if (node.attributes["axes"] !== undefined) {
    unsupported(node, "has its axes as an attribute, which only files may");
  }
  const stated = optionalInput(call, 1) === null ? [] : knownNumbers(call, 1);
  if (stated.length > 0) return stated.map((axis) => normaliseAxis(node, axis, rank));
  const nothing = intAttribute(node, "noop_with_empty_axes", 0) !== 0;
  return nothing ? [] : Array.from({ length: rank }, (_, i) => i);
}
