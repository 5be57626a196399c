import { assert } from "@everfresh/core";
import { intAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { formatShape } from "../graph/dimension.ts";
import { reshape, sum } from "../graph/expressions.ts";
import { FORWARD, formulationOf, INPUT_GRADIENT, WEIGHT_GRADIENT } from "./formulation-tables.ts";
import { convolutionOf } from "./formulation.ts";
import { fail, fixedSize, inputType, optionalInput, unsupported } from "./inference.ts";
import type {
  EmissionCall,
  GradientCall,
  InferenceCall,
  KnownType,
  OperatorRule,
} from "./operator.ts";
import { kernelShape, windowOf } from "./window.ts";

/** Y[n, o] = b[o] + Σ over channels c of the group: X[n, c] correlated with W[o, c]. */
export const convRule: OperatorRule = { infer, forward, gradient };

function infer(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const x = inputType(call, 0);
  const w = inputType(call, 1);
  if (x.shape.length !== 4 || w.shape.length !== 4) {
    unsupported(node, `works on 2-D images, not on ${formatShape(x.shape)}`);
  }
  const [filters, channelsPerGroup] = [fixedSize(node, w.shape, 0), fixedSize(node, w.shape, 1)];
  const groups = intAttribute(node, "group", 1);
  const channels = fixedSize(node, x.shape, 1);
  if (channels !== channelsPerGroup * groups || filters % groups !== 0) {
    fail(
      node,
      `${channels} channels and weights ${formatShape(w.shape)} do not fit in ${groups} groups`,
    );
  }
  const kernel = [fixedSize(node, w.shape, 2), fixedSize(node, w.shape, 3)] as const;
  const stated = kernelShape(node);
  if (stated !== null && (stated[0] !== kernel[0] || stated[1] !== kernel[1])) {
    fail(node, `kernel_shape [${stated.join(", ")}] differs from weights ${formatShape(w.shape)}`);
  }
  const bias = optionalInput(call, 2);
  if (bias !== null && (bias.shape.length !== 1 || bias.shape[0] !== filters)) {
    fail(node, `bias ${formatShape(bias.shape)} does not fit ${filters} filters`);
  }
  const { output } = windowOf(node, x.shape, kernel);
  return [{ dtype: x.dtype, shape: [x.shape[0] ?? fail(node, "no batch"), filters, ...output] }];
}

function forward({ builder, node, inputs }: EmissionCall): readonly Value[] {
  const [x, w, bias = null] = inputs;
  const [as] = node.outputs;
  assert(!!x && !!w && as !== undefined, "Conv has images, weights and an output");
  const convolution = convolutionOf(builder, node, x, w);
  const { window, samples, filters } = convolution;
  const operands = { x, w: convolution.weights, bias };
  const output = { dtype: x.dtype, shape: [samples, filters, ...window.output], as };
  const { emit } = FORWARD[formulationOf(convolution).forward];
  return [emit(convolution, operands, output)];
}

function gradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, outputGradient: dy, wanted } = call;
  const [x, w, bias] = inputs;
  assert(!!x && !!w, "Conv has images and weights");
  const convolution = convolutionOf(builder, node, x, w);
  const { weights } = convolution;
  const ways = formulationOf(convolution);
  const dx = (): Value => {
    const { emit } = INPUT_GRADIENT[ways.inputGradient];
    const type = { dtype: x.dtype, shape: x.shape };
    return emit(convolution, { dy, w: weights }, type);
  };
  const dw = (): Value => {
    const { emit } = WEIGHT_GRADIENT[ways.weightGradient];
    return convolution.restore(emit(convolution, { dy, x, shape: weights.shape }));
  };
  return [
    wanted[0] === true ? dx() : null,
    wanted[1] === true ? dw() : null,
    wanted[2] === true && bias ? biasGradient(call) : null,
  ];
}

/** ∂b[o] = Σ ∂Y[:, o]; rows first, because ONNX Runtime sums contiguous elements fastest. */
function biasGradient({ builder, outputGradient: dy }: GradientCall): Value {
  const [n = 0, c = 0, h = 0, w = 0] = dy.shape;
  return sum(builder, sum(builder, reshape(builder, dy, [n, c, h * w]), [2]), [0]);
}
