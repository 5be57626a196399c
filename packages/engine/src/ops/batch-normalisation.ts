/**
 * Batch normalisation, per channel c (dimension 1) of an input of rank 2 or more:
 *
 *   y = x̂ · s + b      x̂ = (x − μ) · r      r = 1 / √(σ² + ε)
 *
 * In inference μ and σ² are the running statistics, constants to the gradient. In training they are
 * those of the batch, of which the gradient knows that they depend on x.
 */
import { assert, sizeOf, tensor } from "@everfresh/core";
import { floatAttribute, intAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { formatShape } from "../graph/dimension.ts";
import { map, scalar } from "../graph/elementwise-expressions.ts";
import { add, divide, multiply, reshape, scale, subtract, sum } from "../graph/expressions.ts";
import type { Attribute, GraphNode } from "../graph/graph.ts";
import { blockedForward, blockedGradient } from "./formulation-batch-norm.ts";
import { fail, fixedSize, inputType, unsupported } from "./inference.ts";
import type {
  EmissionCall,
  GradientCall,
  InferenceCall,
  KnownType,
  OperatorRule,
} from "./operator.ts";

/** Positions of the running mean and variance among the inputs of BatchNormalization. */
export const RUNNING_STATISTICS: readonly [mean: number, variance: number] = [3, 4];

/** How much of the running statistics one step keeps: ONNX's meaning, 1 − PyTorch's. */
export function momentumOf(node: GraphNode): number {
  return floatAttribute(node, "momentum", 0.9);
}

/** Normalisation by the running statistics. */
export const batchNormalizationRule: OperatorRule = {
  infer: (call) => inferOutput(call, 5),
  gradient: gradientInInference,
  settings: RUNNING_STATISTICS,
  note: "by the statistics of the batch in training steps, unless scale and bias are constants",
};

/**
 * Normalisation by the statistics of the batch, from [x, s, b] to [y, μ, σ²] with the biased variance.
 * μ and σ² must be outputs of the graph that is built: see {@link forwardInTraining}.
 */
export const trainingBatchNormalizationRule: OperatorRule = {
  infer: (call) => {
    const outputs = inferOutput(call, 3);
    const { dtype, shape } = inputType(call, 1);
    return [...outputs, { dtype, shape }, { dtype, shape }];
  },
  forward: forwardInTraining,
  gradient: gradientInTraining,
};

function inferOutput(call: InferenceCall, inputs: number): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  if (shape.length < 2) fail(node, `needs a dimension of channels, has ${formatShape(shape)}`);
  if (intAttribute(node, "training_mode", 0) !== 0) {
    unsupported(node, "is in training mode, which only importing a file takes away");
  }
  const channels = fixedSize(node, shape, 1);
  for (let i = 1; i < inputs; i++) {
    const type = inputType(call, i);
    if (type.shape.length !== 1 || type.shape[0] !== channels) {
      fail(node, `input ${i} is ${formatShape(type.shape)} for ${channels} channels`);
    }
  }
  return [{ dtype, shape }];
}

/** ∂x = ∂y · s · r      ∂s = Σ ∂y · x̂      ∂b = Σ ∂y      with μ and σ² as numbers. */
function gradientInInference(call: GradientCall): readonly (Value | null)[] {
  const { builder: b, inputs, outputGradient: dy, wanted } = call;
  const [x, weight, , mean, variance] = inputs;
  assert(!!x && !!weight && !!mean && !!variance, "BatchNormalization has five inputs");
  const r = reciprocalDeviation(call, variance);
  const dx = (): Value => multiply(b, dy, perChannel(b, multiply(b, weight, r), x));
  const dWeight = (): Value => {
    const centred = subtract(b, x, perChannel(b, mean, x));
    return multiply(b, sumPerChannel(b, multiply(b, dy, centred)), r);
  };
  return [
    wanted[0] === true ? dx() : null,
    wanted[1] === true ? dWeight() : null,
    wanted[2] === true ? sumPerChannel(b, dy) : null,
    null,
    null,
  ];
}

/**
 * ONNX Runtime computes all three outputs in one operator: with momentum 0 its new running
 * statistics are those of the batch. Unless they are outputs of the graph it writes them over the
 * inputs that hold the old ones: a NaN would then stay there for ever. Equal initialisers may be one
 * place in memory, so every node has its own.
 */
function forwardInTraining({ builder, node, inputs }: EmissionCall): readonly Value[] {
  const [x, weight, bias] = inputs;
  const [y, mean, variance] = node.outputs;
  assert(!!x && !!weight && !!bias, "the operator has three inputs");
  assert(!!y && !!mean && !!variance, "the operator has three outputs");
  const { shape } = weight;
  const layout = builder.blocked;
  if (layout?.has(x) === true) {
    const epsilon = floatAttribute(node, "epsilon", 1e-5);
    return blockedForward({ builder, layout, x, weight, epsilon }, bias, [
      { dtype: "float32", shape: x.shape, as: y },
      { dtype: "float32", shape, as: mean },
      { dtype: "float32", shape, as: variance },
    ]);
  }
  const unused = (of: string): Value => {
    const zeros = tensor("float32", shape, new Float32Array(sizeOf(shape)));
    return builder.adopt(builder.uniqueName(`${of}.before`), zeros);
  };
  return builder.emitAll(
    "BatchNormalization",
    [x, weight, bias, unused(mean), unused(variance)],
    [
      { dtype: "float32", shape: x.shape, as: y },
      { dtype: "float32", shape, as: mean },
      { dtype: "float32", shape, as: variance },
    ],
    {
      ...epsilonOf(node),
      momentum: { kind: "float", value: 0 },
      training_mode: { kind: "int", value: 1 },
    },
  );
}

/**
 * With m elements per channel, of which μ and σ² are the mean and the variance:
 *
 *   ∂b = Σ ∂y      ∂s = Σ ∂y · x̂ = r · (Σ ∂y · x − μ · ∂b)
 *
 *   ∂x = s · r · (∂y − ∂b / m − x̂ · ∂s / m)
 *
 * The part of ∂x that is linear in x̂ is a batch normalisation itself, which computes it in one pass.
 */
function gradientInTraining(call: GradientCall): readonly (Value | null)[] {
  const { builder: b, node, inputs, outputs, outputGradient: dy, wanted } = call;
  const [x, weight] = inputs;
  const [, mean, variance] = outputs;
  assert(!!x && !!weight && !!mean && !!variance, "the forward rule made the statistics");
  const layout = b.blocked;
  if (layout?.has(x) === true) {
    const epsilon = floatAttribute(node, "epsilon", 1e-5);
    const values = { builder: b, layout, x, weight, epsilon };
    const { dx, dWeight, dBias } = blockedGradient(values, { dy, mean, variance });
    return [wanted[0] === true ? dx() : null, dWeight, dBias];
  }
  const r = reciprocalDeviation(call, variance);
  const dBias = sumPerChannel(b, dy);
  const along = sumPerChannel(b, multiply(b, dy, x));
  const dWeight = multiply(b, r, subtract(b, along, multiply(b, mean, dBias)));
  const dx = (): Value => {
    const factor = multiply(b, weight, r);
    const share = scale(b, factor, -sizeOf(weight.shape) / sizeOf(x.shape));
    const linear = b.emit(
      "BatchNormalization",
      [x, multiply(b, share, dWeight), multiply(b, share, dBias), mean, variance],
      x,
      epsilonOf(node),
    );
    return add(b, multiply(b, dy, perChannel(b, factor, x)), linear);
  };
  return [
    wanted[0] === true ? dx() : null,
    wanted[1] === true ? dWeight : null,
    wanted[2] === true ? dBias : null,
  ];
}

/** ONNX's default, written out so that it is one number everywhere. */
function epsilonOf(node: GraphNode): { readonly epsilon: Attribute } {
  return { epsilon: { kind: "float", value: floatAttribute(node, "epsilon", 1e-5) } };
}

/** 1 / √(σ² + ε) per channel. */
function reciprocalDeviation({ builder, node }: GradientCall, variance: Value): Value {
  const epsilon = scalar(builder, floatAttribute(node, "epsilon", 1e-5));
  const deviation = map(builder, "Sqrt", add(builder, variance, epsilon));
  return divide(builder, scalar(builder, 1), deviation);
}

/** Σ over everything but the channels. */
function sumPerChannel(builder: GraphBuilder, x: Value): Value {
  const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  return sum(builder, x, axes);
}

/** One number per channel, in a shape that broadcasts to x's. */
function perChannel(builder: GraphBuilder, values: Value, x: Value): Value {
  return reshape(builder, values, [values.shape[0] ?? 1, ...x.shape.slice(2).map(() => 1)]);
}
