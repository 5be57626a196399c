import { type Shape, sizeOf } from "@everfresh/core";
import { ModelHeadError } from "../errors.ts";
import { intAttribute, intsAttribute } from "../graph/attributes.ts";
import type { GraphNode } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import type { Model } from "./model.ts";

/** The layer that makes a model's output. */
export interface Head {
  readonly node: GraphNode;
  /** What adds the bias of a MatMul. */
  readonly add: GraphNode | null;
  /** Name of the weights in the state, or among the constants where they are frozen. */
  readonly weight: string;
  readonly weightShape: Shape;
  /** Which dimension of the weights counts the outputs. */
  readonly outputAxis: 0 | 1;
  readonly outputs: number;
  readonly bias: string | null;
  /** Constants that say the shape of what the layer makes. */
  readonly targets: ReadonlySet<string>;
}

/** What may stand between the layer and the output: nothing that mixes or counts channels. */
const PASSED: ReadonlySet<string> = new Set<OperatorKind>([
  "AveragePool",
  "Clip",
  "Dropout",
  "Elu",
  "Flatten",
  "Gelu",
  "GlobalAveragePool",
  "GlobalMaxPool",
  "HardSigmoid",
  "HardSwish",
  "Identity",
  "LeakyRelu",
  "LogSoftmax",
  "MaxPool",
  "ReduceMean",
  "Relu",
  "Reshape",
  "Sigmoid",
  "Softmax",
  "Squeeze",
  "Tanh",
]);

/**
 * Finds the last layer of a model.
 * @throws ModelHeadError when another operator makes the output, or the weights have other uses
 */
export function headOf(model: Model): Head {
  const { nodes } = model.graph;
  const producers = new Map(
    nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)),
  );
  const targets = new Set<string>();
  let name = model.output.name;
  for (;;) {
    const node = producers.get(name);
    if (node === undefined) throw notFound(model, null);
    const head = linearHead(model, { node, producers, targets });
    if (head !== null) return checked(model, head);
    if (!PASSED.has(node.operator)) throw notFound(model, node);
    if (node.operator === "Reshape") targets.add(node.inputs[1] ?? "");
    name = node.inputs[0] ?? "";
  }
}

interface Search {
  readonly node: GraphNode;
  readonly producers: ReadonlyMap<string, GraphNode>;
  readonly targets: ReadonlySet<string>;
}

/** The layer that `node` is, or ends with its Add. */
function linearHead(model: Model, search: Search): Head | null {
  const { node } = search;
  if (node.operator === "Gemm") {
    return layer(model, { ...search, axis: intAttribute(node, "transB", 0) !== 0 ? 0 : 1 });
  }
  if (node.operator === "MatMul") return layer(model, { ...search, axis: 1 });
  if (node.operator === "Add") return biasedProduct(model, search);
  const kernel = intsAttribute(node, "kernel_shape", [1, 1]);
  const isPointwise = intAttribute(node, "group", 1) === 1 && sizeOf(kernel) === 1;
  return node.operator === "Conv" && isPointwise ? layer(model, { ...search, axis: 0 }) : null;
}

/** The layer of a MatMul to which `node` adds a bias, or null. */
function biasedProduct(model: Model, search: Search): Head | null {
  const { node, producers } = search;
  for (const [i, name] of node.inputs.entries()) {
    const product = producers.get(name);
    const bias = node.inputs[1 - i] ?? "";
    if (product?.operator !== "MatMul" || shapeOf(model, bias)?.length !== 1) continue;
    const head = layer(model, { ...search, node: product, axis: 1 });
    return head === null ? null : { ...head, add: node, bias };
  }
  return null;
}

/** The layer of a node whose weights, perhaps transposed by another node, are a tensor of the model. */
function layer(model: Model, search: Search & { readonly axis: 0 | 1 }): Head | null {
  const { node, producers, targets, axis } = search;
  const [, given = "", bias = ""] = node.inputs;
  const transposition = producers.get(given);
  const isTransposed = transposition?.operator === "Transpose" && shapeOf(model, given) === null;
  const weight = isTransposed ? (transposition.inputs[0] ?? "") : given;
  const weightShape = shapeOf(model, weight);
  if (weightShape === null || weightShape.length < 2) return null;
  if (node.operator !== "Conv" && weightShape.length !== 2) return null;
  const outputAxis = isTransposed ? (axis === 0 ? 1 : 0) : axis;
  const outputs = weightShape[outputAxis] ?? 0;
  return {
    node,
    add: null,
    weight,
    weightShape,
    outputAxis,
    outputs,
    bias: bias === "" ? null : bias,
    targets,
  };
}

/** The shape of a tensor of the state or a constant, or null. */
function shapeOf({ graph, state }: Model, name: string): Shape | null {
  const entry = state.layout.tensors.find((one) => one.name === name);
  return entry?.shape ?? graph.constants.get(name)?.shape ?? null;
}

function checked(model: Model, head: Head): Head {
  const uses = model.graph.nodes.flatMap((node) =>
    node.inputs.filter((name) => name === head.weight || name === head.bias),
  );
  const shared = uses.find((name, i) => uses.indexOf(name) !== i);
  if (shared !== undefined) {
    throw new ModelHeadError(
      `"${shared}" of its last layer "${head.node.name}" is used elsewhere too`,
    );
  }
  return head;
}

function notFound(model: Model, node: GraphNode | null): ModelHeadError {
  const maker = node === null ? "" : `; ${node.operator} node "${node.name}" is in the way`;
  return new ModelHeadError(
    `no linear layer or 1 x 1 convolution makes its output "${model.output.name}"${maker}`,
  );
}
