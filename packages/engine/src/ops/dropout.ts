/** Dropout: y = x in inference. What training does instead is the matter of the training step. */
import type { Tensor } from "@everfresh/core";
import type { GraphNode } from "../graph/graph.ts";
import { inputType, optionalInput, unsupported } from "./inference.ts";
import type { InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** ONNX's ratio where a node has none. */
const DEFAULT_RATIO = 0.5;

/** y = x, as inference computes it. */
export const dropoutRule: OperatorRule = {
  infer,
  gradient: ({ outputGradient, inputs }) => [outputGradient, null, null].slice(0, inputs.length),
  settings: [1, 2],
  note: "drops in training steps only, by its ratio (default 0.5), a constant",
};

/**
 * How much of its elements a node drops in training.
 * @throws UnsupportedOperatorError when that is not a constant from 0 to below 1
 */
export function dropoutRatio(node: GraphNode, constants: ReadonlyMap<string, Tensor>): number {
  const [, name = ""] = node.inputs;
  if (name === "") return DEFAULT_RATIO;
  const constant = constants.get(name);
  if (constant === undefined) unsupported(node, `has ratio "${name}", which must be a constant`);
  return checkedRatio(node, constant);
}

function infer(call: InferenceCall): readonly KnownType[] {
  const { dtype, shape } = inputType(call, 0);
  const ratio = optionalInput(call, 1)?.constant;
  const drops = ratio === undefined || checkedRatio(call.node, ratio) !== 0;
  const mode = optionalInput(call, 2);
  const trains = mode !== null && Number(mode.constant?.data[0] ?? 1) !== 0;
  if (trains && drops) {
    unsupported(call.node, "is in training mode, which only a constant can switch on");
  }
  return [{ dtype, shape }];
}

function checkedRatio(node: GraphNode, { data }: Tensor): number {
  const ratio = Number(data[0]);
  if (!(ratio >= 0 && ratio < 1)) {
    unsupported(node, `drops ${ratio} of its elements; from 0 to below 1 is possible`);
  }
  return ratio;
}
