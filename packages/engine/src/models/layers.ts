/** Layers of built-in models, with PyTorch's names, shapes and default initial weights. */
import {
  assert,
  createState,
  dataOf,
  Random,
  type Shape,
  sizeOf,
  stateLayout,
  streamOf,
} from "@everfresh/core";
import { BATCH, fixedShape } from "../graph/dimension.ts";
import type { Attributes, Graph, GraphNode } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import { inferTypes } from "../ops/type-inference.ts";
import type { Model } from "./model.ts";

/** One weight tensor of a layer. */
interface Weight {
  readonly name: string;
  readonly shape: Shape;
  /** How many inputs each output of the layer sums over. */
  readonly fanIn: number;
}

/** One step of a sequential model. */
export interface Layer {
  readonly name: string;
  readonly operator: OperatorKind;
  readonly weights: readonly Weight[];
  readonly attributes: Attributes;
}

/** torch.nn.Linear: y = x · Wᵀ + b. */
export function linear(name: string, inputs: number, outputs: number): Layer {
  return {
    name,
    operator: "Gemm",
    weights: [
      { name: `${name}.weight`, shape: [outputs, inputs], fanIn: inputs },
      { name: `${name}.bias`, shape: [outputs], fanIn: inputs },
    ],
    attributes: { transB: { kind: "int", value: 1 } },
  };
}

/** torch.nn.Conv2d with a square kernel. */
export function conv2d(
  name: string,
  options: {
    readonly channels: number;
    readonly filters: number;
    readonly kernel: number;
    readonly padding?: number;
  },
): Layer {
  const { channels, filters, kernel, padding = 0 } = options;
  const fanIn = channels * kernel * kernel;
  return {
    name,
    operator: "Conv",
    weights: [
      { name: `${name}.weight`, shape: [filters, channels, kernel, kernel], fanIn },
      { name: `${name}.bias`, shape: [filters], fanIn },
    ],
    attributes: {
      kernel_shape: { kind: "ints", value: [kernel, kernel] },
      pads: { kind: "ints", value: [padding, padding, padding, padding] },
    },
  };
}

/** torch.nn.MaxPool2d: windows side by side. */
export function maxPool2d(name: string, kernel: number): Layer {
  const pair = { kind: "ints", value: [kernel, kernel] } as const;
  return {
    name,
    operator: "MaxPool",
    weights: [],
    attributes: { kernel_shape: pair, strides: pair },
  };
}

/** A layer without weights. */
export function plain(name: string, operator: "Relu" | "Tanh" | "Sigmoid" | "Flatten"): Layer {
  return { name, operator, weights: [], attributes: {} };
}

/**
 * The model that applies `layers` one after the other to samples of `inputShape`. All weights and
 * biases are uniform in ±1/√fanIn, which is what PyTorch's default (Kaiming uniform with a = √5)
 * comes to; each tensor has its own stream of random numbers, named after it.
 */
export function sequential(
  layers: readonly Layer[],
  options: { readonly inputShape: Shape; readonly seed: number },
): Model {
  const { inputShape, seed } = options;
  const weights = layers.flatMap((layer) => layer.weights);
  const layout = stateLayout(
    weights.map(({ name, shape }) => ({ name, role: "parameter", dtype: "float32", shape })),
  );
  const state = createState(layout);
  layout.tensors.forEach((entry, i) => {
    const bound = 1 / Math.sqrt(weights[i]?.fanIn ?? 1);
    const random = new Random(seed, streamOf(entry.name));
    const data = dataOf(state, entry);
    for (let k = 0; k < sizeOf(entry.shape); k++) data[k] = random.uniform(-bound, bound);
  });
  const last = layers.length - 1;
  const nodes = layers.map(({ name, operator, weights: own, attributes }, i): GraphNode => {
    const previous = layers[i - 1];
    const source = previous === undefined ? "input" : `${previous.name}.output`;
    return {
      name,
      operator,
      inputs: [source, ...own.map((weight) => weight.name)],
      outputs: [i === last ? "output" : `${name}.output`],
      attributes,
    };
  });
  const graph: Omit<Graph, "outputs"> = {
    inputs: [{ name: "input", dtype: "float32", shape: [BATCH, ...inputShape] }],
    state: layout.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    constants: new Map(),
    nodes,
  };
  const type = inferTypes(graph).get("output");
  const outputShape = type === undefined ? null : fixedShape(type.shape.slice(1));
  assert(type !== undefined && outputShape !== null, "the last layer makes one row per sample");
  return {
    graph: { ...graph, outputs: [{ name: "output", dtype: type.dtype, shape: type.shape }] },
    state,
    input: { name: "input", shape: inputShape },
    output: { name: "output", shape: outputShape },
  };
}
