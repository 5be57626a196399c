import { assert, type Shape } from "@everfresh/core";
import { fixedShape } from "../graph/dimension.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { fusesPooling, POOL_SHAPE } from "../ops/conv-blocks.ts";
import type { TypeTable } from "../ops/type-inference.ts";

/**
 * max(relu(x)) over windows equals relu(max(x)), so pooling goes first: there is less left to
 * compute forwards and backwards, and zeros of Relu do not tie in the pool. Only where nothing else
 * reads the output of Relu.
 */
export function poolBeforeRelu(graph: Graph): Graph {
  const uses = usesOf(graph);
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

/**
 * Makes one node of every Conv whose output goes to MaxPool alone, where that is faster. The batch
 * size is part of `types`.
 */
export function fusePooling(graph: Graph, types: TypeTable): Graph {
  const uses = usesOf(graph);
  const convs = new Map<string, GraphNode>();
  const nodes: GraphNode[] = [];
  const shapeOf = (name: string | undefined): Shape =>
    fixedShape(types.get(name ?? "")?.shape ?? []) ?? [];
  const fuses = (conv: GraphNode, pool: GraphNode): boolean => {
    const [x, w, y] = [conv.inputs[0], conv.inputs[1], conv.outputs[0]].map(shapeOf);
    assert(x !== undefined && w !== undefined && y !== undefined, "Conv has two inputs");
    return fusesPooling(conv, pool, { x, w, y });
  };
  for (const node of graph.nodes) {
    const [input = ""] = node.inputs;
    const conv =
      node.operator === "MaxPool" && uses.get(input) === 1 ? convs.get(input) : undefined;
    if (conv !== undefined && fuses(conv, node)) {
      nodes.splice(nodes.indexOf(conv), 1);
      nodes.push(fused(conv, node));
    } else {
      nodes.push(node);
    }
    if (node.operator === "Conv") convs.set(node.outputs[0] ?? "", node);
  }
  return { ...graph, nodes };
}

function fused(conv: GraphNode, pool: GraphNode): GraphNode {
  const shape = pool.attributes["kernel_shape"];
  return {
    ...conv,
    operator: "ConvMaxPool",
    outputs: pool.outputs,
    attributes: { ...conv.attributes, ...(shape === undefined ? {} : { [POOL_SHAPE]: shape }) },
  };
}

/** How often each value is read. */
function usesOf(graph: Graph): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const read = [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.map((o) => o.name)];
  for (const name of read) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}
