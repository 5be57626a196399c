import { assert, type Shape, type Tensor, tensor } from "@everfresh/core";
import { BlockedLayout } from "./blocked-layout.ts";
import type { EmittedNode, EmittedOperator, Emitter, OutputType, Value } from "./emission.ts";
import { executionOrder } from "./execution-order.ts";
import type { Formulation } from "./formulation.ts";
import { fuseSums } from "./fuse-sums.ts";
import type { Attributes, ValueInfo } from "./graph.ts";

export type { EmittedNode, EmittedOperator, OutputType, Value } from "./emission.ts";

/** A finished graph: like {@link Graph}, with the operators of gradients and without open sizes. */
export interface BuiltGraph {
  readonly inputs: readonly ValueInfo[];
  readonly state: readonly ValueInfo[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly EmittedNode[];
  readonly outputs: readonly ValueInfo[];
}

/** What makes graphs faster. */
export interface Acceleration {
  /** Channels per block of ONNX Runtime's blocked layout; null to use standard operators only. */
  readonly block: number | null;
  /** By the names of nodes, how they are computed; others as their shapes suggest. */
  readonly formulations: Formulations;
  /** Whether one thread of a processor computes, for operators that others get wrong. @default false */
  readonly serial?: boolean;
}

/** By the names of nodes of a model, how they are computed. */
export type Formulations = Readonly<Record<string, Formulation>>;

/**
 * Builds a graph node by node, in execution order. Equal expressions are computed once, names are
 * chosen by counting: the same calls always build the same graph.
 */
export class GraphBuilder implements Emitter {
  readonly #taken: Set<string>;
  readonly #constants = new Map<string, Tensor>();
  readonly #constantByContent = new Map<string, Value>();
  readonly #nodes: EmittedNode[] = [];
  /** By the name of what Reshape gives, what it took. */
  readonly #reshaped = new Map<string, Value>();
  /** Sizes of emitted values, as text. */
  readonly #sizes = new Map<string, string>();
  readonly #outputsByExpression = new Map<string, readonly Value[]>();
  #counter = 0;

  /** How rules may compute something faster than ONNX says it; null to say it as ONNX does. */
  readonly acceleration: Acceleration | null;
  /** Values that exist in ONNX Runtime's blocked layout too; null where that is not to be used. */
  readonly blocked: BlockedLayout | null;

  /** @param reserved names that the builder must not choose */
  constructor(reserved: Iterable<string>, acceleration: Acceleration | null = null) {
    this.#taken = new Set(reserved);
    this.acceleration = acceleration;
    const block = acceleration?.block ?? null;
    this.blocked = block === null ? null : new BlockedLayout(this, block);
  }

  /** A name that nothing else in the graph has: `wanted`, or `wanted` and a number. */
  uniqueName(wanted: string): string {
    let name = wanted;
    while (this.#taken.has(name)) name = `${wanted}_${this.#counter++}`;
    this.#taken.add(name);
    return name;
  }

  /** Takes over a constant of the forward graph under its own name. */
  adopt(name: string, value: Tensor): Value {
    this.#constants.set(name, value);
    return { name, dtype: value.dtype, shape: value.shape };
  }

  /** The elements of a value that is a constant; undefined for others. */
  constant(value: Value): Tensor | undefined {
    return this.#constants.get(value.name);
  }

  /** float32 constants, by default a vector; a scalar with shape []. */
  floats(values: readonly number[], shape: Shape = [values.length]): Value {
    return this.#constant(`f[${shape.join()}]${values.join()}`, () =>
      tensor("float32", shape, Float32Array.from(values)),
    );
  }

  /** int64 constants, by default a vector. */
  ints(values: readonly number[], shape: Shape = [values.length]): Value {
    return this.#constant(`i[${shape.join()}]${values.join()}`, () =>
      tensor("int64", shape, BigInt64Array.from(values, BigInt)),
    );
  }

  /** Adds a node with one output, or returns the output of an equal node that is already there. */
  emit(
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    output: OutputType,
    attributes: Attributes = {},
  ): Value {
    const [value] = this.emitAll(operator, inputs, [output], attributes);
    assert(value !== undefined, "one output type gives one output");
    return value;
  }

  /**
   * Adds a node with several outputs, or returns those of an equal node. What works on each element
   * by itself is computed in the blocked layout where its inputs are.
   */
  emitAll(
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputType[],
    attributes: Attributes = {},
  ): readonly Value[] {
    const elementwise = this.blocked?.elementwise(operator, inputs, outputs, attributes) ?? null;
    return elementwise ?? this.emitIn(undefined, operator, inputs, outputs, attributes);
  }

  /** Adds a node whose operator is defined by `domain` (ONNX when undefined), just as it is. */
  emitIn(
    domain: string | undefined,
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputType[],
    attributes: Attributes = {},
  ): readonly Value[] {
    const inputNames = inputs.map((input) => input?.name ?? "");
    const expression = JSON.stringify([
      operator,
      inputNames,
      attributes,
      outputs.map(({ shape }) => shape),
      domain,
    ]);
    const named = outputs.some((output) => output.as !== undefined);
    const existing = named ? undefined : this.#outputsByExpression.get(expression);
    if (existing !== undefined) return existing;
    const values = outputs.map(({ dtype, shape, as }): Value => ({
      name: as ?? this.uniqueName(`${operator}_${this.#counter++}`),
      dtype,
      shape,
    }));
    this.#nodes.push({
      name: `${operator}_${this.#nodes.length}`,
      operator,
      ...(domain === undefined ? {} : { domain }),
      inputs: inputNames,
      outputs: values.map((value) => value.name),
      attributes,
    });
    if (operator === "Reshape" && inputs[0] && values[0]) {
      this.#reshaped.set(values[0].name, inputs[0]);
    }
    for (const { name, shape } of values) this.#sizes.set(name, shape.join());
    this.#outputsByExpression.set(expression, values);
    return values;
  }

  /**
   * The graph that computes `outputs` (under the given names) from `inputs` and `state`; nodes and
   * constants that no output needs are left out. Where the blocked layout is used, an output may have
   * another shape of the same size: to reshape it last would be to copy it.
   */
  finish(ports: {
    readonly inputs: readonly Value[];
    readonly state: readonly Value[];
    readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  }): BuiltGraph {
    const { inputs, state } = ports;
    const fed = new Set([...inputs, ...state].map((value) => value.name));
    const renamed = new Map<string, string>();
    const outputs = ports.outputs.map(({ name, value }) => ({
      name,
      // A value that has the name already keeps it.
      value: value.name === name ? value : this.#flat(value),
    }));
    for (const { name, value } of outputs) {
      if (fed.has(value.name) || this.#constants.has(value.name) || renamed.has(value.name)) {
        // A value that cannot take the output's name is copied.
        this.emit("Identity", [value], { dtype: value.dtype, shape: value.shape, as: name });
      } else {
        renamed.set(value.name, name);
      }
    }
    const rename = (name: string): string => renamed.get(name) ?? name;
    const names = outputs.map(({ name }) => name);
    const needed = new Set(names);
    const nodes: EmittedNode[] = [];
    for (const node of this.#nodes.toReversed()) {
      const nodeOutputs = node.outputs.map(rename);
      if (!nodeOutputs.some((name) => needed.has(name))) continue;
      const nodeInputs = node.inputs.map(rename);
      for (const name of nodeInputs) needed.add(name);
      nodes.push({ ...node, inputs: nodeInputs, outputs: nodeOutputs });
    }
    nodes.reverse();
    const fused = this.blocked === null ? nodes : fuseSums(nodes, new Set(names), this.#sizes);
    return {
      inputs,
      state,
      constants: new Map([...this.#constants].filter(([name]) => needed.has(name))),
      nodes: executionOrder(fused),
      outputs: outputs.map(({ name, value }) => ({ ...value, name })),
    };
  }

  /** What a value was reshaped from, where shapes of outputs are free. */
  #flat(value: Value): Value {
    const source = this.blocked === null ? undefined : this.#reshaped.get(value.name);
    return source === undefined ? value : this.#flat(source);
  }

  #constant(content: string, make: () => Tensor): Value {
    const existing = this.#constantByContent.get(content);
    if (existing !== undefined) return existing;
    const name = this.uniqueName(`constant_${this.#counter++}`);
    const value = this.adopt(name, make());
    this.#constantByContent.set(content, value);
    return value;
  }
}
