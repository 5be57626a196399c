import type { Graph, GraphNode } from "../graph/graph.ts";

/**
 * max(relu(x)) over windows equals relu(max(x)), so pooling goes first: there is less left to
 * compute forwards and backwards, and zeros of Relu do not tie in the pool. Only where nothing else
 * reads the output of Relu.
 */
export function poolBeforeRelu(graph: Graph): Graph {
  const uses = new Map<string, number>();
  const read = [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.map((o) => o.name)];
  for (const name of read) uses.set(name, (uses.get(name) ?? 0) + 1);
  const relus = new Map<string, GraphNode>();
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const [input = ""] = node.inputs;
    const relu = relus.get(input);
    if (node.operator === "MaxPool" && relu !== undefined && uses.get(input) === 1) {
      nodes.splice(nodes.indexOf(relu), 1);
      nodes.push({ ...node, inputs: relu.inputs, outputs: relu.outputs });
      nodes.push({ ...relu, inputs: relu.outputs, outputs: node.outputs });
    } else {
      nodes.push(node);
    }
    if (node.operator === "Relu") relus.set(node.outputs[0] ?? "", node);
  }
  return { ...graph, nodes };
}
