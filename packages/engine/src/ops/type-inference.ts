import { assert, type Tensor } from "@everfresh/core";
import type { InferenceCall, KnownType } from "./operator.ts";
import { ruleOf } from "./rule-of.ts";
import { UnsupportedOperatorError } from "../errors.ts";
import { bindShape } from "../graph/dimension.ts";
import type { Graph } from "../graph/graph.ts";

/** Constants with more elements than this are data, not shapes: their values are not looked at. */
const KNOWN_VALUE_ELEMENTS_MAX = 64;

/** The types of all values of a graph by name. */
export type TypeTable = ReadonlyMap<string, KnownType>;

/**
 * Tells the type of every value of a graph.
 * @param batchSize makes every shape a list of numbers; without it the batch stays open
 * @throws ShapeInferenceError, UnsupportedOperatorError naming the node that does not fit
 */
export function inferTypes(
  graph: Pick<Graph, "inputs" | "state" | "constants" | "nodes">,
  batchSize?: number,
): TypeTable {
  const types = new Map<string, KnownType>();
  for (const { name, dtype, shape } of [...graph.inputs, ...graph.state]) {
    types.set(name, {
      dtype,
      shape: batchSize === undefined ? shape : bindShape(shape, batchSize),
    });
  }
  for (const [name, tensor] of graph.constants) types.set(name, typeOfConstant(tensor));
  for (const node of graph.nodes) {
    const inputs = inputTypes(node, types);
    const outputs = ruleOf(node.operator).infer({ node, inputs });
    if (node.outputs.length > outputs.length) {
      const reason = `has ${node.outputs.length} outputs; Everfresh computes ${outputs.length}`;
      throw new UnsupportedOperatorError(node.operator, node.name, reason);
    }
    outputs.forEach((type, i) => {
      const name = node.outputs[i] ?? "";
      if (name !== "") types.set(name, type);
    });
  }
  return types;
}

/** The types of a node's inputs; null where an optional input is not given. */
export function inputTypes(node: InferenceCall["node"], types: TypeTable): InferenceCall["inputs"] {
  return node.inputs.map((name) => {
    if (name === "") return null;
    const type = types.get(name);
    assert(type !== undefined, `"${name}" is there before node "${node.name}"`);
    return type;
  });
}

function typeOfConstant(constant: Tensor): KnownType {
  const { dtype, shape, data } = constant;
  if (data.length > KNOWN_VALUE_ELEMENTS_MAX) return { dtype, shape };
  return { dtype, shape, constant, value: Array.from(data, Number) };
}
