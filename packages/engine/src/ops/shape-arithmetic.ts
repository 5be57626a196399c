/** Operators about a value as a whole: its sizes and its element type. */
import type { DType } from "@everfresh/core";
import { intAttribute, scalarAttribute } from "../graph/attributes.ts";
import { fixedShape } from "../graph/dimension.ts";
import type { Value } from "../graph/builder.ts";
import type { Dimension, GraphNode } from "../graph/graph.ts";
import type { ShapeKind } from "../graph/operator-kind.ts";
import { dtypeOf } from "../onnx/element-type.ts";
import { zeroFor, zeroGradient } from "./elementwise-rule.ts";
import { fail, inputType, knownNumbers, knownValue, unsupported } from "./inference.ts";
import {
  type GradientCall,
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
    infer: (call) => [castType(inputType(call, 0), castTarget(call.node))],
    gradient: gradientOfCast,
    note: "gradient only from float32 to float32; else 0",
  },

  // The element type of the second input.
  CastLike: {
    infer: (call) => [castType(inputType(call, 0), inputType(call, 1).dtype)],
    gradient: gradientOfCast,
    settings: [1],
    note: "import makes it a Cast",
  },

  ConstantOfShape: { infer: inferConstant, gradient: nonDifferentiable },

  Range: { infer: inferRange, gradient: nonDifferentiable, note: "only of known numbers" },

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
  const count = wholeBatchRange(call);
  if (count !== null) return [{ dtype: inputType(call, 0).dtype, shape: [count] }];
  const [start = 0, limit = 0, delta = 1] = [0, 1, 2].flatMap((i) => knownNumbers(call, i));
  if (delta === 0) fail(node, "has a step of 0");
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  const type = { dtype: inputType(call, 0).dtype, shape: [length] };
  if (length > KNOWN_ELEMENTS_MAX) return [type];
  return [{ ...type, value: Array.from({ length }, (_, i) => start + i * delta) }];
}

/** How many numbers there are from 0 up to a multiple of the batch size, or null. */
function wholeBatchRange(call: InferenceCall): Dimension | null {
  const [start, limit, delta] = [0, 1, 2].map((i) => knownValue(call, i)[0]);
  return start === 0 && delta === 1 && typeof limit === "object" ? limit : null;
}

/** Known elements stay known; floats lose what is behind the point. */
function castType({ dtype: from, shape, value }: KnownType, dtype: DType): KnownType {
  if (value === undefined) return { dtype, shape };
  const isRounded = from === "float32" && dtype !== "float32";
  const elements = value.map((x): Dimension | null => {
    if (dtype === "bool") return x === 0 ? 0 : 1;
    if (typeof x === "number") return isRounded ? Math.trunc(x) : x;
    return Number.isInteger(x.batches) ? x : null;
  });
  const known = elements.filter((element) => element !== null);
  return { dtype, shape, ...(known.length === value.length ? { value: known } : {}) };
}

function gradientOfCast(call: GradientCall): readonly (Value | null)[] {
  const [x] = call.inputs;
  const [y] = call.outputs;
  const isFloat = x?.dtype === "float32" && y?.dtype === "float32";
  if (!isFloat) return zeroGradient(call);
  return [call.outputGradient, zeroFor(call, 1)].slice(0, call.inputs.length);
}

function castTarget(node: GraphNode): DType {
  const number = intAttribute(node, "to", 0);
  return dtypeOf(number) ?? unsupported(node, `casts to ONNX element type ${number}`);
}
