import { UnsupportedOperatorError } from "../errors.ts";
import type { AttributeValues, GraphNode } from "./graph.ts";

/** A whole-number attribute, or `otherwise` when the node does not have it. */
export function intAttribute<T>(node: GraphNode, name: string, otherwise: T): number | T {
  return read(node, name, "int") ?? otherwise;
}

/** A real-number attribute, or `otherwise`. */
export function floatAttribute(node: GraphNode, name: string, otherwise: number): number {
  return read(node, name, "float") ?? otherwise;
}

/** A text attribute, or `otherwise`. */
export function stringAttribute(node: GraphNode, name: string, otherwise: string): string {
  return read(node, name, "string") ?? otherwise;
}

/** A list of whole numbers, or `otherwise`. */
export function intsAttribute<T>(
  node: GraphNode,
  name: string,
  otherwise: T,
): readonly number[] | T {
  return read(node, name, "ints") ?? otherwise;
}

/** A tensor of one element, or `otherwise`. */
export function scalarAttribute(
  node: GraphNode,
  name: string,
  otherwise: AttributeValues["scalar"],
): AttributeValues["scalar"] {
  return read(node, name, "scalar") ?? otherwise;
}

function read<K extends keyof AttributeValues>(
  node: GraphNode,
  name: string,
  kind: K,
): AttributeValues[K] | undefined {
  const attribute = node.attributes[name];
  if (attribute === undefined) return undefined;
  if (attribute.kind !== kind) {
    throw new UnsupportedOperatorError(
      node.operator,
      node.name,
      `has attribute "${name}" as ${attribute.kind} where ${kind} is needed`,
    );
  }
  // Equal kinds have equal value types; the type checker does not follow that through K.
  return attribute.value as AttributeValues[K];
}
