import { assert, type DType, type Shape, type Tensor, tensor } from "@everfresh/core";
import type { GradientOperatorKind, OperatorKind } from "./operator-kind.ts";
import type { Attributes, ValueInfo } from "./graph.ts";

/** A named value of the graph under construction; its shape is all numbers. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** An operator that a builder can emit. */
export type EmittedOperator = OperatorKind | GradientOperatorKind;

/** One application of an operator in a built graph. */
export interface EmittedNode {
  readonly name: string;
  readonly operator: EmittedOperator;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** A finished graph: like {@link Graph}, with the operators of gradients and without open sizes. */
export interface BuiltGraph {
  readonly inputs: readonly ValueInfo[];
  readonly state: readonly ValueInfo[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly EmittedNode[];
  readonly outputs: readonly ValueInfo[];
}

/** What {@link GraphBuilder.emit} is told about an output. */
export interface OutputType {
  readonly dtype: DType;
  readonly shape: Shape;
  /** The output's name; chosen by the builder when absent. */
  readonly as?: string;
}

/**
 * Builds a graph node by node, in execution order. Equal expressions are computed once, names are
 * chosen by counting: the same calls always build the same graph.
 */
export class GraphBuilder {
  readonly #taken: Set<string>;
  readonly #constants = new Map<string, Tensor>();
  readonly #constantByContent = new Map<string, Value>();
  readonly #nodes: EmittedNode[] = [];
  readonly #outputsByExpression = new Map<string, readonly Value[]>();
  #counter = 0;

  /** @param reserved names that the builder must not choose */
  constructor(reserved: Iterable<string>) {
    this.#taken = new Set(reserved);
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

  /** Adds a node with several outputs, or returns those of an equal node. */
  emitAll(
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputType[],
    attributes: Attributes = {},
  ): readonly Value[] {
    const inputNames = inputs.map((input) => input?.name ?? "");
    const expression = JSON.stringify([operator, inputNames, attributes, outputs.length]);
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
      inputs: inputNames,
      outputs: values.map((value) => value.name),
      attributes,
    });
    this.#outputsByExpression.set(expression, values);
    return values;
  }

  /**
   * The graph that computes `outputs` (under the given names) from `inputs` and `state`; nodes and
   * constants that no output needs are left out.
   */
  finish(ports: {
    readonly inputs: readonly Value[];
    readonly state: readonly Value[];
    readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  }): BuiltGraph {
    const { inputs, state } = ports;
    const fed = new Set([...inputs, ...state].map((value) => value.name));
    const renamed = new Map<string, string>();
    for (const { name, value } of ports.outputs) {
      if (fed.has(value.name) || this.#constants.has(value.name) || renamed.has(value.name)) {
        // A value that cannot take the output's name is copied.
        this.emit("Identity", [value], { dtype: value.dtype, shape: value.shape, as: name });
      } else {
        renamed.set(value.name, name);
      }
    }
    const rename = (name: string): string => renamed.get(name) ?? name;
    const needed = new Set(ports.outputs.map(({ name }) => name));
    const nodes: EmittedNode[] = [];
    for (const node of this.#nodes.toReversed()) {
      const outputs = node.outputs.map(rename);
      if (!outputs.some((name) => needed.has(name))) continue;
      const nodeInputs = node.inputs.map(rename);
      for (const name of nodeInputs) needed.add(name);
      nodes.push({ ...node, inputs: nodeInputs, outputs });
    }
    return {
      inputs,
      state,
      constants: new Map([...this.#constants].filter(([name]) => needed.has(name))),
      nodes: nodes.reverse(),
      outputs: ports.outputs.map(({ name, value }) => ({ ...value, name })),
    };
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
