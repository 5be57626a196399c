/** Operators that are read as several others: none of them needs rules of its own. */
import type { Tensor } from "@everfresh/core";
import { UnsupportedOperatorError } from "../errors.ts";
import type { Attributes, GraphNode } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import type { DeclaredNode } from "../onnx/read.ts";
import type { ConstantTable } from "./constant-table.ts";

/** Writes the nodes in the place of one. */
interface Writer {
  readonly node: DeclaredNode;
  readonly constants: ReadonlyMap<string, Tensor>;
  /** The names of its inputs; "" is one that is not given. */
  readonly inputs: readonly string[];
  /** A number, as a value. */
  readonly number: (value: number) => string;
  /** Whole numbers, as a value. */
  readonly ints: (values: readonly number[]) => string;
  /** Adds a node, and returns the name of its output. */
  readonly emit: (
    operator: OperatorKind,
    inputs: readonly string[],
    attributes?: Attributes,
  ) => string;
}

/** Writes the nodes that compute a node's first output, and returns its name. */
type Decomposition = (writer: Writer) => string;

const DECOMPOSITIONS: Readonly<Record<string, Decomposition>> = {
  // y = max(x, 0) + min(0, α(e^(x/α) − 1)), which is α · Elu(x / α) with Elu's own α of 1.
  Celu: ({ node, inputs: [x = ""], emit, number }) => {
    const alpha = number(float(node, "alpha", 1));
    return emit("Mul", [emit("Elu", [emit("Div", [x, alpha])]), alpha]);
  },

  // The mean of the inputs.
  Mean: (writer) => writer.emit("Div", [sumOf(writer), writer.number(writer.inputs.length)]),

  RMSNormalization: rootMeanSquare,

  // y = x + bias for x < −λ, x − bias for x > λ, else 0.
  Shrink: ({ node, inputs: [x = ""], emit, number }) => {
    const lambda = float(node, "lambd", 0.5);
    const bias = number(float(node, "bias", 0));
    const zero = number(0);
    const above = emit("Where", [
      emit("Greater", [x, number(lambda)]),
      emit("Sub", [x, bias]),
      zero,
    ]);
    return emit("Where", [emit("Less", [x, number(-lambda)]), emit("Add", [x, bias]), above]);
  },

  SimplifiedLayerNormalization: rootMeanSquare,

  // The sum of the inputs.
  Sum: sumOf,

  // y = x · σ(αx).
  Swish: ({ node, inputs: [x = ""], emit, number }) => {
    const alpha = float(node, "alpha", 1);
    const scaled = alpha === 1 ? x : emit("Mul", [x, number(alpha)]);
    return emit("Mul", [x, emit("Sigmoid", [scaled])]);
  },

  // y = x for x > α, else 0.
  ThresholdedRelu: ({ node, inputs: [x = ""], emit, number }) => {
    const alpha = number(float(node, "alpha", 1));
    return emit("Where", [emit("Greater", [x, alpha]), x, number(0)]);
  },
};

/** The names of operators that are read as others, in order. */
export const DECOMPOSED_OPERATORS: readonly string[] = Object.keys(DECOMPOSITIONS);

/** The nodes that stand for a node: itself, unless it is read as several others. */
export function decomposed(
  node: DeclaredNode,
  constants: ConstantTable,
): readonly (DeclaredNode | GraphNode)[] {
  const decomposition = Object.hasOwn(DECOMPOSITIONS, node.operator)
    ? DECOMPOSITIONS[node.operator]
    : undefined;
  const [output] = node.outputs;
  if (decomposition === undefined || output === undefined) return [node];
  const nodes: GraphNode[] = [];
  const result = decomposition({
    node,
    constants,
    inputs: node.inputs,
    number: (value) => constants.addFloat(`${node.name}.number`, value),
    ints: (values) => constants.addInts(`${node.name}.axes`, values),
    emit: (operator, inputs, attributes = {}) => {
      const name = constants.nameFor(`${node.name}.${operator}`);
      nodes.push({ name, operator, inputs, outputs: [name], attributes });
      return name;
    },
  });
  const last = { name: node.name, operator: "Identity", inputs: [result], outputs: [output] };
  return [...nodes, { ...last, attributes: {} }];
}

/** The sum of all inputs. */
function sumOf({ inputs, emit }: Writer): string {
  return inputs.reduce((total, input) => emit("Add", [total, input]));
}

/**
 * y = x / √(mean x² + ε) · scale, over as many of the last dimensions as the scale has.
 *
 * Zhang, Sennrich, Root Mean Square Layer Normalization, 2019.
 */
function rootMeanSquare({ node, inputs, constants, emit, number, ints }: Writer): string {
  const [x = "", scale = ""] = inputs;
  const axis = int(node, "axis", -1);
  const count = axis < 0 ? -axis : constants.get(scale)?.shape.length;
  if (count === undefined) {
    throw new UnsupportedOperatorError(
      node.operator,
      node.name,
      "normalises from an axis that is counted from the front, with a computed scale",
    );
  }
  const axes = ints(Array.from({ length: count }, (_, i) => i - count));
  const mean = emit("ReduceMean", [emit("Mul", [x, x]), axes]);
  const variance = emit("Add", [mean, number(float(node, "epsilon", 1e-5))]);
  return emit("Mul", [emit("Div", [x, emit("Sqrt", [variance])]), scale]);
}

function float({ attributes }: DeclaredNode, name: string, otherwise: number): number {
  const attribute = attributes[name];
  return attribute?.kind === "float" ? attribute.value : otherwise;
}

function int({ attributes }: DeclaredNode, name: string, otherwise: number): number {
  const attribute = attributes[name];
  return attribute?.kind === "int" ? attribute.value : otherwise;
}
