import {
  createState,
  dataOf,
  isFeatureStatistic,
  type Shape,
  stateLayout,
  type StateTensorSpec,
  type Tensor,
  tensor,
  tensorOf,
} from "@everfresh/core";
import type { GraphNode } from "../graph/graph.ts";
import type { Model } from "./model.ts";
import { stateInputs } from "./state-tensors.ts";

/** The weights of a model while nodes of it are rewritten: state tensors and constants alike. */
export class WeightTable {
  readonly #model: Model;
  readonly #specs: StateTensorSpec[];
  readonly #values = new Map<string, Tensor>();
  readonly #constants: Set<string>;
  readonly #uses = new Map<string, number>();

  constructor(model: Model) {
    const { graph, state } = model;
    this.#model = model;
    this.#specs = state.layout.tensors.map(({ name, role, dtype, shape }) => {
      return { name, role, dtype, shape };
    });
    for (const [name, value] of graph.constants) this.#values.set(name, value);
    for (const { name } of this.#specs) this.#values.set(name, tensorOf(state, name));
    this.#constants = new Set(graph.constants.keys());
    const read = [
      ...graph.nodes.flatMap((node) => node.inputs),
      ...graph.outputs.map((o) => o.name),
    ];
    for (const name of read) this.#uses.set(name, this.uses(name) + 1);
  }

  /** How many inputs of nodes and outputs of the model a value is. */
  uses(name: string): number {
    return this.#uses.get(name) ?? 0;
  }

  /** The value of a state tensor or constant. */
  get(name: string): Tensor | undefined {
    return this.#values.get(name);
  }

  /** The numbers of a float32 state tensor or constant; null for anything else. */
  floats(name: string): Float32Array | null {
    const data = this.#values.get(name)?.data;
    return data instanceof Float32Array ? data : null;
  }

  /** Gives a state tensor or constant other numbers. */
  replace(name: string, shape: Shape, data: Float32Array): void {
    this.#values.set(name, tensor("float32", shape, data));
    this.#specs.forEach((spec, i) => {
      if (spec.name === name) this.#specs[i] = { ...spec, shape };
    });
  }

  /**
   * Stores the bias of a layer: in place of its old one, or as a new tensor after its weight where it
   * had none or shared it. Returns its name.
   */
  putBias(
    { weightName, biasName }: { readonly weightName: string; readonly biasName: string },
    shape: Shape,
    data: Float32Array,
  ): string {
    if (this.uses(biasName) === 1 && biasName !== "") {
      this.replace(biasName, shape, data);
      return biasName;
    }
    this.release([biasName]);
    const name = this.#unusedName(`${weightName.replace(/\.weight$/, "")}.bias`);
    this.#values.set(name, tensor("float32", shape, data));
    this.#uses.set(name, 1);
    if (this.#constants.has(weightName)) {
      this.#constants.add(name);
    } else {
      const at = this.#specs.findIndex((spec) => spec.name === weightName);
      this.#specs.splice(at + 1, 0, { name, role: "parameter", dtype: "float32", shape });
    }
    return name;
  }

  /** Takes one use from each of `names`, for a node that goes away. */
  release(names: readonly string[]): void {
    for (const name of names) this.#uses.set(name, this.uses(name) - 1);
  }

  /** The model with these nodes and with the weights that are still used. */
  modelOf(nodes: readonly GraphNode[]): Model {
    const { graph, ...ports } = this.#model;
    const layout = stateLayout(
      this.#specs.filter((spec) => this.uses(spec.name) > 0 || isFeatureStatistic(spec)),
    );
    const state = createState(layout);
    for (const entry of layout.tensors) {
      const { data } = this.#values.get(entry.name) ?? {};
      if (data !== undefined) bytesOf(dataOf(state, entry)).set(bytesOf(data));
    }
    const isConstant = ([name]: readonly [string, Tensor]): boolean =>
      this.#constants.has(name) && this.uses(name) > 0;
    return {
      ...ports,
      graph: {
        ...graph,
        nodes,
        state: stateInputs(layout),
        constants: new Map([...this.#values].filter(isConstant)),
      },
      state,
    };
  }

  #unusedName(wanted: string): string {
    const { inputs, nodes } = this.#model.graph;
    const taken = new Set([
      ...this.#values.keys(),
      ...inputs.map((input) => input.name),
      ...nodes.flatMap((node) => node.outputs),
    ]);
    let name = wanted;
    for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
    return name;
  }
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
