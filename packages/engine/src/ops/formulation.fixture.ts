/** Computes graphs and their gradients under chosen formulations. */
import { assert, type Shape, sizeOf, type Tensor, tensor } from "@everfresh/core";
import { differentiate, emitForward } from "../autodiff/tape.ts";
import { type Acceleration, GraphBuilder, type Value } from "../graph/builder.ts";
import type { Attributes, Graph, GraphNode } from "../graph/graph.ts";
import { openOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { noise } from "./gradient-check.fixture.ts";
import { inferTypes } from "./type-inference.ts";

/** Nodes over float32 inputs, the last of which has the graph's output first. */
export function graphOf(
  shapes: Readonly<Record<string, Shape>>,
  nodes: readonly GraphNode[],
): Graph {
  const inputs = Object.entries(shapes).map(([name, shape]) => ({
    name,
    dtype: "float32" as const,
    shape,
  }));
  const parts = { inputs, state: [], constants: new Map<string, Tensor>(), nodes };
  const name = nodes.at(-1)?.outputs[0] ?? "";
  const type = inferTypes(parts).get(name);
  assert(type !== undefined, "the graph has an output");
  return { ...parts, outputs: [{ name, ...type }] };
}

/** A node named after its first output. */
export function node(
  operator: GraphNode["operator"],
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): GraphNode {
  return { name: outputs[0] ?? "", operator, inputs, outputs, attributes };
}

/** What a graph computed. */
export interface Differentiated {
  /** The output, and its gradients for all inputs, seeded with noise. */
  readonly results: Readonly<Record<string, Tensor>>;
  /** The operators that were emitted. */
  readonly operators: readonly string[];
}

/** Computes a graph's output and its gradients for inputs of noise. */
export async function differentiated(
  graph: Graph,
  acceleration: Acceleration | null,
): Promise<Differentiated> {
  const types = inferTypes(graph, 1);
  const builder = new GraphBuilder([...types.keys(), "seed"], acceleration);
  const tape = emitForward(builder, graph, types);
  const at = (name: string): Value => {
    const value = tape.values.get(name);
    assert(value !== undefined, `"${name}" was emitted`);
    return value;
  };
  const output = graph.outputs[0]?.name ?? "";
  const seed: Value = { name: "seed", dtype: "float32", shape: at(output).shape };
  const wanted = graph.inputs.map(({ name }) => name);
  const gradients = differentiate(builder, tape, { output, seed, wanted });
  const built = builder.finish({
    inputs: [...wanted.map(at), seed],
    state: [],
    outputs: [
      { name: output, value: at(output) },
      ...wanted.flatMap((name) => {
        const value = gradients.get(name);
        return value === undefined ? [] : [{ name: `gradient.${name}`, value }];
      }),
    ],
  });
  const bytes = writeOnnx({ ...built, name: "check", initialisers: built.constants });
  const session = await openOnnx(bytes);
  const values = built.inputs.map(({ name, shape }, i): [string, Tensor] => [
    name,
    noisy(i + 1, shape.map(Number)),
  ]);
  const results = await session.run(Object.fromEntries(values));
  return { results, operators: built.nodes.map(({ operator }) => operator) };
}

/** The largest difference of any result, relative to the largest element of that result. */
export function largestDifference(expected: Differentiated, actual: Differentiated): number {
  let largest = 0;
  for (const [name, { data }] of Object.entries(expected.results)) {
    const other = actual.results[name];
    if (other?.data.length !== data.length) return Infinity;
    let [scale, difference] = [1e-3, 0];
    data.forEach((value: number | bigint, i: number) => {
      scale = Math.max(scale, Math.abs(Number(value)));
      difference = Math.max(difference, Math.abs(Number(other.data[i]) - Number(value)));
    });
    // Written so that NaN counts as a difference.
    if (!(difference / scale <= largest)) largest = difference / scale;
  }
  return largest;
}

function noisy(seed: number, shape: Shape): Tensor<"float32"> {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => noise(seed, i));
  return tensor("float32", shape, data);
}
