/** A new last layer for another number of outputs. */
import { type Shape, sizeOf, type Tensor, tensor } from "@everfresh/core";
import { ModelHeadError } from "../errors.ts";
import { BATCH, fixedShape, formatShape, sameDimension } from "../graph/dimension.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { type Head, headOf } from "./find-head.ts";
import { fillInitial, uniform } from "./initial-values.ts";
import type { Model } from "./model.ts";
import { entriesOf, type StateEntry, stateInputs, stateOfEntries } from "./state-tensors.ts";

/** Options of {@link replaceHead}. */
export interface ReplaceHeadOptions {
  /** How many numbers the new layer makes of a sample: for a classifier, the number of classes. */
  readonly outputs: number;
  /** Seed of the new layer's initial weights. @default 0 */
  readonly seed?: number;
  /** Whether the new layer has a bias. @default true if and only if the old one has */
  readonly bias?: boolean;
}

/**
 * The model with a new last layer, for transfer learning: the linear layer (Gemm, or MatMul with or
 * without Add) or 1 x 1 convolution that the output comes from, through activations, global pooling
 * and reshaping only, gets fresh weights for another number of outputs. Names stay; initial values
 * are PyTorch's default, uniform in ±1/√inputs. The new weights are trained even where the old ones
 * were frozen.
 *
 * @throws RangeError when `outputs` is not a whole number of 1 or more
 * @throws ModelHeadError when no such layer makes the output, or its weights are used elsewhere too
 *
 * @example
 * ```ts
 * const model = replaceHead(resnet18({ classes: 1000 }), { outputs: 7, seed: 42 });
 * ```
 */
export function replaceHead(model: Model, options: ReplaceHeadOptions): Model {
  const { outputs, seed = 0 } = options;
  if (!Number.isSafeInteger(outputs) || outputs < 1) {
    throw new RangeError(`outputs must be a whole number of 1 or more, got ${outputs}`);
  }
  const head = headOf(model);
  const hasBias = options.bias ?? head.bias !== null;
  const bias = hasBias ? (head.bias ?? newName(model, biasNameOf(head.weight))) : null;
  const weightShape = head.weightShape.with(head.outputAxis, outputs);
  const bound = 1 / Math.sqrt(sizeOf(weightShape) / outputs);
  const fresh = (name: string, shape: Shape): StateEntry => {
    const data = new Float32Array(sizeOf(shape));
    fillInitial(data, uniform(bound), { name, seed });
    return { name, role: "parameter", tensor: tensor("float32", shape, data) };
  };
  const entries = [
    fresh(head.weight, weightShape),
    ...(bias === null ? [] : [fresh(bias, [outputs])]),
  ];
  return withHead(model, { head, bias, entries, outputs });
}

/** Where everything new is put in the place of the old. */
function withHead(
  model: Model,
  change: {
    readonly head: Head;
    readonly bias: string | null;
    readonly entries: readonly StateEntry[];
    readonly outputs: number;
  },
): Model {
  const { head, bias, entries, outputs } = change;
  const old = new Set([head.weight, ...(head.bias === null ? [] : [head.bias])]);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const before = entriesOf(model.state);
  const state = stateOfEntries([
    ...before.flatMap((entry) => {
      const replaced = byName.get(entry.name) ?? entry;
      return old.has(entry.name) && !byName.has(entry.name) ? [] : [replaced];
    }),
    ...entries.filter(({ name }) => !before.some((entry) => entry.name === name)),
  ]);
  const constants = new Map(
    [...model.graph.constants]
      .filter(([name]) => !old.has(name))
      .map(([name, value]): [string, Tensor] => [name, resized(name, value, head, outputs)]),
  );
  const graph: Omit<Graph, "outputs"> = {
    ...model.graph,
    state: stateInputs(state.layout),
    constants,
    nodes: withBias(model.graph.nodes, head, bias),
  };
  const { name } = model.output;
  const type = inferTypes(graph).get(name);
  const shape = fixedShape(type?.shape.slice(1) ?? []);
  if (type === undefined || shape === null || !sameDimension(type.shape[0] ?? 0, BATCH)) {
    throw new ModelHeadError(`"${name}" has shape ${formatShape(type?.shape ?? [])} afterwards`);
  }
  return {
    ...model,
    graph: { ...graph, outputs: [{ name, dtype: type.dtype, shape: type.shape }] },
    state,
    output: { name, shape },
  };
}

/** The target of a Reshape behind the layer, for the new number of outputs. */
function resized(name: string, value: Tensor, head: Head, outputs: number): Tensor {
  if (!head.targets.has(name) || !(value.data instanceof BigInt64Array)) return value;
  const data = value.data.map((size) => (size === BigInt(head.outputs) ? BigInt(outputs) : size));
  return tensor("int64", value.shape, data);
}

/** The nodes with the layer's bias added or left out. */
function withBias(
  nodes: readonly GraphNode[],
  head: Head,
  bias: string | null,
): readonly GraphNode[] {
  if (bias === head.bias) return nodes;
  return nodes.flatMap((node): readonly GraphNode[] => {
    if (node === head.add) return [];
    if (node !== head.node) return [node];
    if (node.operator !== "MatMul") {
      const inputs = node.inputs.slice(0, 2);
      return [{ ...node, inputs: bias === null ? inputs : [...inputs, bias] }];
    }
    if (bias === null) return [{ ...node, outputs: head.add?.outputs ?? node.outputs }];
    const product = `${node.name}.product`;
    const add: GraphNode = {
      name: `${node.name}.bias`,
      operator: "Add",
      inputs: [product, bias],
      outputs: node.outputs,
      attributes: {},
    };
    return [{ ...node, outputs: [product] }, add];
  });
}

function biasNameOf(weight: string): string {
  return weight.endsWith(".weight") ? weight.replace(/weight$/, "bias") : `${weight}.bias`;
}

/** `wanted`, or a similar name that nothing in the model has. */
function newName({ graph }: Model, wanted: string): string {
  const taken = new Set([
    ...graph.constants.keys(),
    ...[...graph.inputs, ...graph.state].map(({ name }) => name),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ]);
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  return name;
}
