/** What a layer makes of samples, as a model of its own. */
import { ModelHeadError, ModelLayerError } from "../errors.ts";
import { BATCH, fixedShape, sameDimension } from "../graph/dimension.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { headOf } from "./find-head.ts";
import type { Model } from "./model.ts";
import { nearestNames } from "./nearest-names.ts";

/**
 * The model up to one of its values, which becomes its output: an embedding of each sample. It takes
 * the states of the whole model, and has all of their tensors, also those that it does not use.
 * @param layer name of a float32 value with one row per sample. @default what the last layer takes: the
 *   input of the linear layer or 1 x 1 convolution that the model's output comes from
 * @throws ModelLayerError when there is no such value, or it is something else
 */
export function embeddingModel(model: Model, layer?: string): Model {
  const name = layer ?? inputOfLast(model);
  const { graph } = model;
  const made = graph.nodes.flatMap(({ outputs }) => outputs);
  if (!made.includes(name) && !graph.inputs.some((input) => input.name === name)) {
    throw new ModelLayerError(name, `the nearest are ${nearestNames(name, made).join(", ")}`);
  }
  const type = inferTypes(graph).get(name);
  const shape = fixedShape(type?.shape.slice(1) ?? []);
  const isRows = type?.dtype === "float32" && sameDimension(type.shape[0] ?? 0, BATCH);
  if (type === undefined || shape === null || !isRows) {
    throw new ModelLayerError(name, "it is not float32 with one row per sample");
  }
  const nodes = ancestorsOf(graph, name);
  const constants = new Map(
    [...graph.constants].filter(([constant]) =>
      nodes.some((node) => node.inputs.includes(constant)),
    ),
  );
  const outputs = [{ name, dtype: type.dtype, shape: type.shape }];
  return { ...model, graph: { ...graph, nodes, constants, outputs }, output: { name, shape } };
}

function inputOfLast(model: Model): string {
  try {
    return headOf(model).node.inputs[0] ?? "";
  } catch (error) {
    if (!(error instanceof ModelHeadError)) throw error;
    throw new ModelLayerError(model.output.name, "no last layer is found; name a value before it");
  }
}

/** The nodes that a value comes from, in their order. */
function ancestorsOf({ nodes }: Pick<Graph, "nodes">, name: string): readonly GraphNode[] {
  const wanted = new Set([name]);
  const kept: GraphNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    kept.unshift(node);
    for (const input of node.inputs) wanted.add(input);
  }
  return kept;
}
