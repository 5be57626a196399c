/**
 * What exporters write for training, in the one form that the engine knows: in a model every node
 * computes what inference does, and a training step knows by itself what training does otherwise.
 */
import type { Tensor } from "@everfresh/core";
import type { GraphNode } from "../graph/graph.ts";
import type { OnnxFile } from "../onnx/read.ts";

/** Operators whose outputs beyond the first are optional: nodes may have names for unused ones. */
const OPTIONAL_OUTPUTS: readonly string[] = ["BatchNormalization", "Dropout"];

/**
 * BatchNormalization and Dropout with one output and without a training mode. A Dropout that says
 * itself that it never drops is an Identity.
 */
export function withoutTrainingMode(
  nodes: readonly GraphNode[],
  constants: ReadonlyMap<string, Tensor>,
): readonly GraphNode[] {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  return nodes.map((node): GraphNode => {
    if (!OPTIONAL_OUTPUTS.includes(node.operator)) return node;
    const last = node.outputs.findLastIndex((name) => used.has(name));
    const outputs = node.outputs.slice(0, Math.max(1, last + 1));
    if (node.operator === "BatchNormalization") {
      const kept = Object.entries(node.attributes).filter(([name]) => name !== "training_mode");
      return { ...node, outputs, attributes: Object.fromEntries(kept) };
    }
    const [x = "", ratio = "", trains = ""] = node.inputs;
    const mode = constants.get(trains);
    if (trains !== "" && mode === undefined) return node;
    const never = [mode, constants.get(ratio)].some((setting) => setting?.data[0] === 0);
    if (never) return { ...node, operator: "Identity", inputs: [x], outputs };
    return { ...node, inputs: ratio === "" ? [x] : [x, ratio], outputs };
  });
}

/**
 * PyTorch stores initialisers of equal content once and writes the others as their Identity. Where
 * that content is one number throughout, as in a fresh normalisation, the tensors only happen to be
 * equal: each becomes one of its own again. What a model shares on purpose stays shared.
 */
export function withOwnInitialisers(file: OnnxFile): OnnxFile {
  const initialisers = new Map(file.initialisers);
  const nodes = file.nodes.filter(({ operator, inputs, outputs }) => {
    const original = initialisers.get(inputs[0] ?? "");
    const [name = ""] = outputs;
    const isCopy = operator === "Identity" && original !== undefined && isUniform(original);
    if (!isCopy || file.outputs.some((output) => output.name === name)) return true;
    initialisers.set(name, original);
    return false;
  });
  return { ...file, initialisers, nodes };
}

function isUniform({ dtype, shape, data }: Tensor): boolean {
  if (dtype !== "float32" || shape.length === 0) return false;
  return data.every((value) => value === data[0]);
}
