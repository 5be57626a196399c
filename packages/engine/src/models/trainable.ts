import type { Tensor } from "@everfresh/core";
import type { GraphNode } from "../graph/graph.ts";
import { nonDifferentiable } from "../ops/operator.ts";
import { ruleOf } from "../ops/rule-of.ts";

/** The names of all values that the gradient of `output` reaches through `nodes`. */
export function trainableValues(
  nodes: readonly GraphNode[],
  output: string,
  constants: ReadonlyMap<string, Tensor>,
): ReadonlySet<string> {
  const reached = new Set([output]);
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => reached.has(name))) continue;
    const { gradient, settings = [] } = ruleOf(node.operator);
    if (gradient === nonDifferentiable) continue;
    node.inputs.forEach((name, i) => {
      const dtype = constants.get(name)?.dtype ?? "float32";
      if (dtype === "float32" && !settings.includes(i)) reached.add(name);
    });
  }
  return reached;
}
