import { intAttribute } from "../graph/attributes.ts";
import { inputType, normaliseAxis, knownNumbers } from "./inference.ts";
import type { OperatorRule } from "./operator.ts";

/**
 * yᵢ = Σ of the elements up to xᵢ along an axis; without xᵢ itself if exclusive, from the end if
 * reverse:
 *
 *   ∂xᵢ = Σ of the elements of ∂y from there on, which is the same sum in the other direction
 */
export const cumSumRule: OperatorRule = {
  infer: (call) => {
    const { dtype, shape } = inputType(call, 0);
    const [axis = 0] = knownNumbers(call, 1);
    normaliseAxis(call.node, axis, shape.length);
    return [{ dtype, shape }];
  },
  gradient: ({ builder, node, inputs, outputGradient }) => {
    const type = { dtype: outputGradient.dtype, shape: outputGradient.shape };
    const turned = intAttribute(node, "reverse", 0) === 0 ? 1 : 0;
    const dx = builder.emit("CumSum", [outputGradient, inputs[1] ?? null], type, {
      ...node.attributes,
      reverse: { kind: "int", value: turned },
    });
    return [dx, null];
  },
  settings: [1],
};
