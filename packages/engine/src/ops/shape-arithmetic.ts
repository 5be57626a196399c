/** Operators about a value as a whole: its sizes and its element type. */
import type { DType } from "@everfresh/core";
import { intAttribute, scalarAttribute } from "../graph/attributes.ts";
import { fixedShape } from "../graph/dimension.ts";
import type { GraphNode } from "../graph/graph.ts";
import type { ShapeKind } from "../graph/operator-kind.ts";
import { dtypeOf } from "../onnx/element-type.ts";
import { zeroGradient } from "./elementwise-rule.ts";
import { fail, inputType, knownNumbers, knownValue, unsupported } from "./inference.ts";
import {
  type InferenceCall,
  type KnownType,
  nonDifferentiable,
  type OperatorRule,
} from "./operator.ts";

/** Longer lists are data: their elements are not looked at before the graph runs. */
const KNOWN_ELEMENTS_MAX = 64;

/** The rules of operators about values as a whole. */
export const SHAPE_ARITHMETIC: { readonly [K in ShapeKind]: OperatorRule } = {
  // Another element type; known whole numbers stay known:  ∂x = ∂y between floats, else 0.
  Cast: {
    infer: (call) => {
      const { shape, value } = inputType(call, 0);
      const dtype = castTarget(call.node);
      return [{ dtype, shape, ...(value === undefined || dtype === "float32" ? {} : { value }) }];
    },
    gradient: (call) => {
      const isFloat = call.inputs[0]?.dtype === "float32" && castTarget(call.node) === "float32";
      return isFloat ? [call.outputGradient] : zeroGradient(call);
    },
    note: "gradient only from float32 to float32; else 0",
  },

  ConstantOfShape: { infer: inferConstant, gradient: nonDifferentiable },

  Range: { infer: inferRange, gradient: nonDifferentiable, note: "only of known whole numbers" },

  // The sizes of x, from `start` to `end`.
  Shape: {
    infer: (call) => {
      const { shape } = inputType(call, 0);
      const { node } = call;
      const value = shape.slice(
        intAttribute(node, "start", 0),
        intAttribute(node, "end", shape.length),
      );
      return [{ dtype: "int64", shape: [value.length], value }];
    },
    gradient: nonDifferentiable,
  },
};

/** One number, as often as a known shape says. */
function inferConstant(call: InferenceCall): readonly KnownType[] {
  const shape = knownValue(call, 0);
  const { dtype, value } = scalarAttribute(call.node, "value", { dtype: "float32", value: 0 });
  const [length = 1] = fixedShape(shape) ?? [KNOWN_ELEMENTS_MAX + 1];
  if (dtype === "float32" || shape.length > 1 || length > KNOWN_ELEMENTS_MAX) {
    return [{ dtype, shape }];
  }
  return [{ dtype, shape, value: Array.from({ length }, () => value) }];
}

/** From a start up to but without a limit, in steps. */
function inferRange(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const [start = 0, limit = 0, delta = 1] = [0, 1, 2].flatMap((i) => knownNumbers(call, i));
  if (delta === 0) fail(node, "has a step of 0");
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  const type = { dtype: inputType(call, 0).dtype, shape: [length] };
  if (length > KNOWN_ELEMENTS_MAX) return [type];
  return [{ ...type, value: Array.from({ length }, (_, i) => start + i * delta) }];
}

function castTarget(node: GraphNode): DType {
  const number = intAttribute(node, "to", 0);
  return dtypeOf(number) ?? unsupported(node, `casts to ONNX element type ${number}`);
}
