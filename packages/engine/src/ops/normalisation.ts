/** Normalisation by statistics of the sample itself; there are none to keep from run to run. */
import { assert, sizeOf } from "@everfresh/core";
import { floatAttribute, intAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { formatShape } from "../graph/dimension.ts";
import { larger, map, scalar } from "../graph/elementwise-expressions.ts";
import {
  divide,
  expand,
  mean,
  multiply,
  reshape,
  subtract,
  sum,
  sumTo,
} from "../graph/expressions.ts";
import type { Attributes, GraphNode, GraphShape } from "../graph/graph.ts";
import type { NormalisationKind } from "../graph/operator-kind.ts";
import {
  fail,
  fixedSize,
  inputType,
  normaliseAxis,
  optionalInput,
  unsupported,
} from "./inference.ts";
import type {
  EmissionCall,
  GradientCall,
  InferenceCall,
  KnownType,
  OperatorRule,
} from "./operator.ts";

/** Norms below this count as this, so that a row of zeros has a finite gradient. */
const NORM_MIN = 1e-20;

/** The rules of normalisation. */
export const NORMALISATION: { readonly [K in NormalisationKind]: OperatorRule } = {
  GroupNormalization: {
    infer: (call) => {
      const groups = groupsOf(call.node, inputType(call, 0).shape);
      if (fixedSize(call.node, inputType(call, 0).shape, 1) % groups !== 0) {
        fail(call.node, `channels do not divide into ${groups} groups`);
      }
      return inferChannelwise(call);
    },
    forward: forwardOfGroups,
    gradient: gradientOfGroups,
    note: "scale and bias per channel (opset 21)",
  },

  // As with one group per channel.
  InstanceNormalization: {
    infer: inferChannelwise,
    forward: forwardOfGroups,
    gradient: gradientOfGroups,
  },

  LayerNormalization: {
    infer: inferLayer,
    forward: forwardOfLayer,
    gradient: gradientOfLayer,
    note: "its outputs of mean and deviation are not supported",
  },

  LpNormalization: { infer: inferLp, gradient: gradientOfLp, note: "p 1 and 2" },
};

function inferLayer(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  const axis = normaliseAxis(node, intAttribute(node, "axis", -1), shape.length);
  for (const type of [inputType(call, 1), optionalInput(call, 2)]) {
    if (type === null) continue;
    const fits = type.shape.every((size, i) => size === shape[axis + i]);
    if (!fits || type.shape.length !== shape.length - axis) {
      fail(node, `scale or bias ${formatShape(type.shape)} for ${formatShape(shape.slice(axis))}`);
    }
  }
  return [{ dtype, shape }];
}

/** Mean and reciprocal deviation, which the operator has as outputs, serve the gradient. */
function forwardOfLayer({ builder, node, inputs }: EmissionCall): readonly Value[] {
  const [x] = inputs;
  assert(!!x, "LayerNormalization has an input");
  const { dtype } = x;
  const axis = normaliseAxis(node, intAttribute(node, "axis", -1), x.shape.length);
  const statistics = { dtype, shape: x.shape.map((size, i) => (i < axis ? size : 1)) };
  const y = { dtype, shape: x.shape, as: node.outputs[0] ?? "" };
  return builder.emitAll(
    "LayerNormalization",
    inputs,
    [y, statistics, statistics],
    node.attributes,
  );
}

/**
 * y = x̂ · s + b with x̂ = (x − μ) · r, of which μ is the mean and r the reciprocal deviation:
 *
 *   ∂s = Σ ∂y · x̂      ∂b = Σ ∂y      ∂x by {@link gradientOfStandardised} from ∂x̂ = ∂y · s
 */
function gradientOfLayer(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, outputs, outputGradient: dy, wanted } = call;
  const [x, weight, bias] = inputs;
  const [, mean, r] = outputs;
  assert(!!x && !!weight && !!mean && !!r, "the forward rule made the statistics");
  const axis = normaliseAxis(node, intAttribute(node, "axis", -1), x.shape.length);
  const axes = x.shape.flatMap((_, i) => (i < axis ? [] : [i]));
  const standardised = multiply(builder, subtract(builder, x, mean), r);
  const dx = (): Value =>
    gradientOfStandardised(builder, multiply(builder, dy, weight), { standardised, r, axes });
  return [
    wanted[0] === true ? dx() : null,
    wanted[1] === true ? sumTo(builder, multiply(builder, dy, standardised), weight.shape) : null,
    wanted[2] === true && bias ? sumTo(builder, dy, bias.shape) : null,
  ].slice(0, inputs.length);
}

/**
 * The gradient of x̂ = (x − mean x) · r with r = 1 / √(variance of x + ε), from g = ∂x̂:
 *
 *   ∂x = r · (g − mean g − x̂ · mean(g · x̂))
 */
function gradientOfStandardised(
  builder: GraphBuilder,
  g: Value,
  {
    standardised,
    r,
    axes,
  }: { readonly standardised: Value; readonly r: Value; readonly axes: readonly number[] },
): Value {
  const share = mean(builder, multiply(builder, g, standardised), axes);
  const along = multiply(builder, standardised, share);
  const centred = subtract(builder, subtract(builder, g, mean(builder, g, axes)), along);
  return multiply(builder, r, centred);
}

function inferChannelwise(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  if (shape.length < 3) fail(node, `needs images, not ${formatShape(shape)}`);
  const channels = fixedSize(node, shape, 1);
  for (const type of [inputType(call, 1), inputType(call, 2)]) {
    if (type.shape.length !== 1 || type.shape[0] !== channels) {
      unsupported(node, `has scale or bias ${formatShape(type.shape)} for ${channels} channels`);
    }
  }
  return [{ dtype, shape }];
}

function groupsOf(node: GraphNode, shape: GraphShape): number {
  return node.operator === "GroupNormalization"
    ? intAttribute(node, "num_groups", 1)
    : fixedSize(node, shape, 1);
}

/** Each group as one row, which LayerNormalization standardises in one pass. */
function forwardOfGroups({ builder, node, inputs }: EmissionCall): readonly Value[] {
  const [x, weight, bias] = inputs;
  assert(!!x && !!weight && !!bias, "the operator has three inputs");
  const [n = 1] = x.shape;
  const groups = groupsOf(node, x.shape);
  const length = sizeOf(x.shape) / (n * groups);
  const ones = expand(builder, scalar(builder, 1), [length]);
  const rows = { dtype: x.dtype, shape: [n, groups, length] };
  const statistics = { dtype: x.dtype, shape: [n, groups, 1] };
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const attributes: Attributes = {
    axis: { kind: "int", value: -1 },
    epsilon: { kind: "float", value: epsilon },
  };
  const [standardised, , r] = builder.emitAll(
    "LayerNormalization",
    [reshape(builder, x, rows.shape), ones],
    [rows, statistics, statistics],
    attributes,
  );
  assert(!!standardised && !!r, "LayerNormalization has three outputs");
  const scaled = multiply(
    builder,
    reshape(builder, standardised, x.shape),
    perChannel(builder, weight, x),
  );
  const output = { dtype: x.dtype, shape: x.shape, as: node.outputs[0] ?? "" };
  const y = builder.emit("Add", [scaled, perChannel(builder, bias, x)], output);
  return [y, standardised, r];
}

/** As {@link gradientOfLayer}, with s and b per channel and x̂ per group. */
function gradientOfGroups(call: GradientCall): readonly (Value | null)[] {
  const { builder, inputs, outputs, outputGradient: dy, wanted } = call;
  const [x, weight, bias] = inputs;
  const [, standardised, r] = outputs;
  assert(!!x && !!weight && !!bias && !!standardised && !!r, "the forward rule made all");
  const ofChannel = (gradient: Value): Value => {
    const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
    return sum(builder, gradient, axes);
  };
  const dx = (): Value => {
    const scaled = multiply(builder, dy, perChannel(builder, weight, x));
    const g = reshape(builder, scaled, standardised.shape);
    const rows = gradientOfStandardised(builder, g, { standardised, r, axes: [2] });
    return reshape(builder, rows, x.shape);
  };
  const dw = (): Value => ofChannel(multiply(builder, dy, reshape(builder, standardised, x.shape)));
  return [
    wanted[0] === true ? dx() : null,
    wanted[1] === true ? dw() : null,
    wanted[2] === true ? ofChannel(dy) : null,
  ];
}

/** One number per channel, in a shape that broadcasts to x's. */
function perChannel(builder: GraphBuilder, values: Value, x: Value): Value {
  return reshape(builder, values, [values.shape[0] ?? 1, ...x.shape.slice(2).map(() => 1)]);
}

function inferLp(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  const p = intAttribute(node, "p", 2);
  if (p !== 1 && p !== 2) unsupported(node, `normalises by p = ${p}`);
  normaliseAxis(node, intAttribute(node, "axis", -1), shape.length);
  return [{ dtype, shape }];
}

/**
 * y = x / n with the norm n along `axis`:
 *
 *   p = 2:  ∂x = (∂y − y · Σ ∂y · y) / n      p = 1:  ∂x = (∂y − sign x · Σ ∂y · y) / n
 */
function gradientOfLp({
  builder,
  node,
  inputs,
  outputs,
  outputGradient: dy,
}: GradientCall): readonly (Value | null)[] {
  const [x] = inputs;
  const [y] = outputs;
  assert(!!x && !!y, "LpNormalization has an input and an output");
  const axis = normaliseAxis(node, intAttribute(node, "axis", -1), x.shape.length);
  const isEuclidean = intAttribute(node, "p", 2) === 2;
  const total = sum(builder, multiply(builder, dy, y), [axis], { keepDimensions: true });
  const direction = isEuclidean ? y : map(builder, "Sign", x);
  const norm = builder.emit(
    isEuclidean ? "ReduceL2" : "ReduceL1",
    [x, builder.ints([axis])],
    total,
  );
  const across = subtract(builder, dy, multiply(builder, direction, total));
  return [divide(builder, across, larger(builder, norm, scalar(builder, NORM_MIN)))];
}
