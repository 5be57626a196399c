import { sizeOf } from "@everfresh/core";
import { fixedShape } from "../graph/dimension.ts";
import type { GraphNode } from "../graph/graph.ts";
import { inferTypes, type TypeTable } from "../ops/type-inference.ts";
import type { Model } from "./model.ts";

/**
 * About how many multiplications the outputs of one sample take: products of matrices and convolutions
 * as they are, anything else as one for each number that it makes. It depends on the graph alone, so
 * what is planned by it is planned alike everywhere.
 */
export function forwardMultiplications({ graph }: Model): number {
  const types = inferTypes(graph, 1);
  return graph.nodes.reduce((sum, node) => sum + multiplicationsOf(node, types), 0);
}

/** Of the operators that multiply more than once for each number that they make. */
const RULES: ReadonlyMap<string, (node: GraphNode, types: TypeTable) => number> = new Map([
  ["Gemm", productOf],
  ["MatMul", productOf],
  ["Conv", convolutionOf],
  ["LSTM", recurrenceOf],
  ["GRU", recurrenceOf],
  ["RNN", recurrenceOf],
]);

function multiplicationsOf(node: GraphNode, types: TypeTable): number {
  return RULES.get(node.operator)?.(node, types) ?? sizeAt(types, node.outputs[0]);
}

/** Of an m × k and a k × n matrix: m k · k n · m n = (m k n)², however they are transposed. */
function productOf({ inputs, outputs }: GraphNode, types: TypeTable): number {
  const [left, right] = [sizeAt(types, inputs[0]), sizeAt(types, inputs[1])];
  return Math.sqrt(left * right * sizeAt(types, outputs[0]));
}

function convolutionOf({ inputs, outputs }: GraphNode, types: TypeTable): number {
  const [, ...window] = fixedShape(types.get(inputs[1] ?? "")?.shape ?? []) ?? [];
  return sizeAt(types, outputs[0]) * sizeOf(window);
}

function recurrenceOf({ inputs }: GraphNode, types: TypeTable): number {
  const [steps = 1] = fixedShape(types.get(inputs[0] ?? "")?.shape ?? []) ?? [];
  return steps * (sizeAt(types, inputs[1]) + sizeAt(types, inputs[2]));
}

function sizeAt(types: TypeTable, name: string | undefined): number {
  const shape = fixedShape(types.get(name ?? "")?.shape ?? []);
  return shape === null ? 0 : sizeOf(shape);
}
