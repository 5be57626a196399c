/** Exporters write out zeros that operators take for granted: biases, and states to start with. */
import type { Tensor } from "@everfresh/core";
import { scalarAttribute } from "../graph/attributes.ts";
import type { GraphNode } from "../graph/graph.ts";
import { RECURRENT_INPUT } from "../ops/recurrent.ts";

/** Operators whose result has no elements but those of their first input. */
const MOVING: ReadonlySet<string> = new Set([
  "Expand",
  "Flatten",
  "Gather",
  "Identity",
  "Reshape",
  "Slice",
  "Squeeze",
  "Tile",
  "Transpose",
  "Unsqueeze",
]);

/** Where inputs are that mean zeros when they are not given, by operator. */
const OPTIONAL_ZEROS: Readonly<Record<string, readonly number[]>> = {
  Conv: [2],
  ConvTranspose: [2],
  GRU: [RECURRENT_INPUT.initialHidden],
  LSTM: [RECURRENT_INPUT.initialHidden, RECURRENT_INPUT.initialHidden + 1],
  RNN: [RECURRENT_INPUT.initialHidden],
};

/**
 * Nodes without optional inputs that are zeros. Initialisers stay: biases that start at 0 are to be
 * trained.
 * @param isWeight tells whether a constant is an initialiser
 */
export function withoutZeros(
  nodes: readonly GraphNode[],
  constants: ReadonlyMap<string, Tensor>,
  isWeight: (name: string) => boolean,
): readonly GraphNode[] {
  const zeros = new Set<string>();
  for (const [name, { dtype, data }] of constants) {
    if (dtype === "float32" && data.every((x) => x === 0)) zeros.add(name);
  }
  return nodes.map((node) => {
    if (makesZeros(node, zeros)) for (const name of node.outputs) zeros.add(name);
    const optional = OPTIONAL_ZEROS[node.operator] ?? [];
    const isLeftOut = (name: string, i: number): boolean =>
      optional.includes(i) && zeros.has(name) && (isRecurrent(node) || !isWeight(name));
    return withoutInputs(node, isLeftOut);
  });
}

function makesZeros(node: GraphNode, zeros: ReadonlySet<string>): boolean {
  if (MOVING.has(node.operator)) return zeros.has(node.inputs[0] ?? "");
  if (node.operator !== "ConstantOfShape") return false;
  const { dtype, value } = scalarAttribute(node, "value", { dtype: "float32", value: 0 });
  return dtype === "float32" && value === 0;
}

/** A recurrent layer without lengths of sequences, once inference found that all are full. */
export function withoutLengths(node: GraphNode): GraphNode {
  if (!isRecurrent(node)) return node;
  return withoutInputs(node, (_, i) => i === RECURRENT_INPUT.lengths);
}

function withoutInputs(
  node: GraphNode,
  isLeftOut: (name: string, index: number) => boolean,
): GraphNode {
  if (!node.inputs.some((name, i) => name !== "" && isLeftOut(name, i))) return node;
  const inputs = node.inputs.map((name, i) => (isLeftOut(name, i) ? "" : name));
  return { ...node, inputs: inputs.slice(0, inputs.findLastIndex((name) => name !== "") + 1) };
}

function isRecurrent({ operator }: GraphNode): boolean {
  return operator === "LSTM" || operator === "GRU" || operator === "RNN";
}
