import {
  assert,
  createState,
  dataOf,
  type Shape,
  type StateTensorSpec,
  stateLayout,
  type Tensor,
  tensor,
} from "@everfresh/core";
import { BATCH, fixedShape } from "../graph/dimension.ts";
import type { Attributes, Graph, GraphNode, ValueInfo } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { fillInitial, type InitialValues } from "./initial-values.ts";
import type { Model } from "./model.ts";

/** What {@link Network} needs to know before its first layer. */
export interface NetworkOptions {
  /** Shape of one sample. */
  readonly inputShape: Shape;
  /** Seed of the initial weights. */
  readonly seed: number;
}

/** What a node has besides its name, its operator and its inputs. */
interface NodeOptions {
  readonly attributes?: Attributes;
  /** Which of the operator's outputs is used, counted from 0. @default 0 */
  readonly output?: number;
}

/**
 * A network under construction: every call adds a node and returns its value, whose shape is known
 * at once, so that layers read the sizes they need from what they are applied to.
 *
 *     const net = new Network({ inputShape: [3, 32, 32], seed });
 *     const hidden = relu(net, "relu", conv2d(net, "conv", net.input, { filters: 8, kernel: 3 }));
 *     return net.model(linear(net, "fc", globalPool(net, "pool", hidden), 10));
 */
export class Network {
  readonly input: ValueInfo;
  readonly #inputShape: Shape;
  readonly #seed: number;
  readonly #weights: (StateTensorSpec & { readonly initial: InitialValues })[] = [];
  readonly #constants = new Map<string, Tensor>();
  readonly #nodes: GraphNode[] = [];
  readonly #names = new Set<string>();

  constructor({ inputShape, seed }: NetworkOptions) {
    this.#inputShape = inputShape;
    this.#seed = seed;
    this.input = { name: "input", dtype: "float32", shape: [BATCH, ...inputShape] };
  }

  /** A tensor that training changes. */
  parameter(name: string, shape: Shape, initial: InitialValues): ValueInfo {
    this.#weights.push({ name, role: "parameter", dtype: "float32", shape, initial });
    return { name, dtype: "float32", shape };
  }

  /** A tensor of statistics that training keeps. */
  buffer(name: string, shape: Shape, initial: InitialValues): ValueInfo {
    this.#weights.push({ name, role: "buffer", dtype: "float32", shape, initial });
    return { name, dtype: "float32", shape };
  }

  /** A tensor that never changes. */
  constant(name: string, value: Tensor): ValueInfo {
    this.#constants.set(name, value);
    return { name, dtype: value.dtype, shape: value.shape };
  }

  /** One float32 number. */
  scalar(value: number): ValueInfo {
    return this.constant(`float.${value}`, tensor("float32", [], Float32Array.of(value)));
  }

  /** A vector of int64 numbers: axes, positions, and shapes, in which 0 keeps a size. */
  ints(values: readonly number[]): ValueInfo {
    const data = BigInt64Array.from(values, BigInt);
    return this.constant(`ints.${values.join("_")}`, tensor("int64", [values.length], data));
  }

  /** Applies an operator; `name` is unique in the network. */
  node(
    name: string,
    operator: OperatorKind,
    inputs: readonly ValueInfo[],
    { attributes = {}, output = 0 }: NodeOptions = {},
  ): ValueInfo {
    const made = `${name}.output`;
    const outputs = [...Array.from({ length: output }, () => ""), made];
    const [value] = this.#add({ name, operator, inputs, outputs, attributes });
    assert(value !== undefined, `${operator} has output ${output}`);
    return value;
  }

  /** Cuts `x` into parts of the given sizes along dimension `axis`; they are called after `names`. */
  split(
    name: string,
    x: ValueInfo,
    parts: { readonly names: readonly string[]; readonly sizes: readonly number[] },
    axis: number,
  ): readonly ValueInfo[] {
    return this.#add({
      name,
      operator: "Split",
      inputs: [x, this.ints(parts.sizes)],
      outputs: parts.names,
      attributes: { axis: { kind: "int", value: axis } },
    });
  }

  /** Adds a node; the values that it makes under a name. */
  #add({
    inputs,
    ...rest
  }: Omit<GraphNode, "inputs"> & { readonly inputs: readonly ValueInfo[] }): readonly ValueInfo[] {
    const node: GraphNode = { ...rest, inputs: inputs.map((input) => input.name) };
    assert(!this.#names.has(node.name), `no other node is called "${node.name}"`);
    this.#names.add(node.name);
    this.#nodes.push(node);
    const values = inputs.filter((input) => !this.#constants.has(input.name));
    const graph = { inputs: values, state: [], constants: this.#constants, nodes: [node] };
    const types = inferTypes(graph);
    return node.outputs.flatMap((made) => {
      const type = types.get(made);
      return type === undefined ? [] : [{ name: made, dtype: type.dtype, shape: type.shape }];
    });
  }

  /** The finished model; its output is called "output". */
  model(output: ValueInfo): Model {
    const layout = stateLayout(this.#weights);
    const state = createState(layout);
    const initial = new Map(this.#weights.map((weight) => [weight.name, weight.initial]));
    for (const entry of layout.tensors) {
      const data = dataOf(state, entry);
      const values = initial.get(entry.name);
      assert(data instanceof Float32Array && values !== undefined, "all weights are float32");
      fillInitial(data, values, { name: entry.name, seed: this.#seed });
    }
    const rename = (name: string): string => (name === output.name ? "output" : name);
    const graph: Graph = {
      inputs: [this.input],
      state: layout.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
      constants: this.#constants,
      nodes: this.#nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
      outputs: [{ ...output, name: "output" }],
    };
    const outputShape = fixedShape(output.shape.slice(1));
    assert(outputShape !== null, "the last layer makes one row per sample");
    return {
      graph,
      state,
      input: { name: this.input.name, shape: this.#inputShape },
      output: { name: "output", shape: outputShape },
    };
  }
}
