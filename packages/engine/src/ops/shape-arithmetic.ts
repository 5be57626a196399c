/** Operators by which exporters compute shapes; they are evaluated before the graph ever runs. */
import type { DType } from "@everfresh/core";
import { intAttribute } from "../graph/attributes.ts";
import type { Dimension, GraphNode } from "../graph/graph.ts";
import { dtypeOf } from "../onnx/element-type.ts";
import { fail, inputType, knownNumbers, normaliseAxis, unsupported } from "./inference.ts";
import { nonDifferentiable, type OperatorRule } from "./operator.ts";

/** The sizes of x, from `start` to `end`. */
export const shapeRule: OperatorRule = {
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
};

/** Elements of a known list by their positions. */
export const gatherRule: OperatorRule = {
  infer: (call) => {
    const { node } = call;
    const data = inputType(call, 0);
    if (data.value === undefined || data.shape.length !== 1) {
      unsupported(node, "works only on shapes known before the model runs");
    }
    const { value } = data;
    const positions = knownNumbers(call, 1).map((at) => normaliseAxis(node, at, value.length));
    const gathered = positions.map((at): Dimension => value[at] ?? fail(node, "out of range"));
    return [{ dtype: data.dtype, shape: inputType(call, 1).shape, value: gathered }];
  },
  gradient: nonDifferentiable,
};

/** Another element type; known whole numbers stay known. */
export const castRule: OperatorRule = {
  infer: (call) => {
    const { shape, value } = inputType(call, 0);
    const dtype = castTarget(call.node);
    return [{ dtype, shape, ...(value === undefined || dtype === "float32" ? {} : { value }) }];
  },
  gradient: nonDifferentiable,
};

function castTarget(node: GraphNode): DType {
  const number = intAttribute(node, "to", 0);
  return dtypeOf(number) ?? unsupported(node, `casts to ONNX element type ${number}`);
}
