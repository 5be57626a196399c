/** Compares gradient rules with finite differences of ONNX Runtime's own operators. */
import { assert, type Shape, sizeOf, type Tensor, tensor } from "@everfresh/core";
import { differentiate, emitForward } from "../autodiff/tape.ts";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import { fixedShape } from "../graph/dimension.ts";
import type { Attributes, Graph, GraphNode } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import { type OpenedOnnx, openOnnx } from "../onnx/execution.fixture.ts";
import { type WritableGraph, writeOnnx } from "../onnx/write.ts";
import { inferTypes } from "./type-inference.ts";

/** One use of an operator; float32 inputs are differentiated, others are constants. */
export interface OperatorCase {
  readonly attributes: Attributes;
  readonly inputs: readonly (Tensor | null)[];
  /** Positions of float32 inputs that are constants too. */
  readonly constants?: readonly number[];
}

/** What came out of a check. */
export interface GradientCheck {
  readonly inferred: Shape;
  readonly actual: Shape;
  /** Largest difference between the operator alone and inside the training graph. */
  readonly forwardError: number;
  /** Largest difference of gradient and finite difference, relative to the largest gradient. */
  readonly gradientError: number;
}

type Floats = Record<string, Tensor<"float32">>;

/** Half the distance of the outer points. Large, because ONNX Runtime computes in float32. */
const STEP = 0.04;

/** Entries per input whose gradient is checked. */
const ENTRIES_MAX = 20;

/** Checks one use of an operator. */
export async function checkGradient(
  operator: OperatorKind,
  use: OperatorCase,
): Promise<GradientCheck> {
  const graph = graphOf(operator, use);
  const floats = floatInputs(use);
  const plain = await openOnnx(writeOnnx({ ...writable(graph), outputs: graph.outputs }));
  const { bytes, seed, names } = gradientGraph(graph, floats);
  const { y: expected } = await plain.run(floats);
  const results = await (await openOnnx(bytes)).run({ ...floats, seed });
  assert(expected !== undefined, "the operator has an output");
  let gradientError = 0;
  for (const [name, gradientName] of names) {
    const gradient = results[gradientName];
    assert(gradient !== undefined, "the gradient is an output");
    gradientError = Math.max(
      gradientError,
      await largestError(plain, { floats, name, seed, gradient }),
    );
  }
  const [output] = graph.outputs;
  return {
    inferred: fixedShape(output?.shape ?? []) ?? [],
    actual: expected.shape,
    forwardError: largestDifference(expected, results["forward"]),
    gradientError,
  };
}

/** A value in [−1, 1] for each (seed, i). */
export function noise(seed: number, i: number): number {
  const wave = Math.sin((seed % 1000) * 78.233 + i * 12.9898) * 43758.5453;
  return 2 * (wave - Math.floor(wave)) - 1;
}

async function largestError(
  plain: OpenedOnnx,
  {
    floats,
    name,
    seed,
    gradient,
  }: {
    readonly floats: Floats;
    readonly name: string;
    readonly seed: Tensor<"float32">;
    readonly gradient: Tensor;
  },
): Promise<number> {
  const x = floats[name];
  assert(x !== undefined, "the input exists");
  /** The slope between two points at equal distance, as far as float32 lets them be. */
  const slopeOver = async (entry: number, offset: number): Promise<number> => {
    const ends = await Promise.all(
      [offset, -offset].map(async (distance) => {
        const data = x.data.slice();
        data[entry] = (data[entry] ?? 0) + distance;
        const { y } = await plain.run({ ...floats, [name]: { ...x, data } });
        const total = seed.data.reduce((sofar, s, i) => sofar + s * Number(y?.data[i]), 0);
        return { at: data[entry], total };
      }),
    );
    const [right, left] = ends;
    assert(right !== undefined && left !== undefined, "there are two points");
    return (right.total - left.total) / (right.at - left.at);
  };
  const largest = Array.from(gradient.data, Number).map(Math.abs);
  const scale = Math.max(1, ...largest);
  const stride = Math.max(1, Math.floor(x.data.length / ENTRIES_MAX));
  let worst = 0;
  for (let entry = 0; entry < x.data.length; entry += stride) {
    // Fourth order: f' = (4 · slope over 2h − slope over 4h) / 3 + O(h⁴).
    const near = await slopeOver(entry, STEP);
    const numeric = (4 * near - (await slopeOver(entry, 2 * STEP))) / 3;
    worst = Math.max(worst, Math.abs(numeric - Number(gradient.data[entry])) / scale);
  }
  return worst;
}

function graphOf(operator: OperatorKind, use: OperatorCase): Graph {
  const { attributes, inputs } = use;
  const floats = floatInputs(use);
  const node: GraphNode = {
    name: "node",
    operator,
    inputs: inputs.map((input, i) => (input === null ? "" : `x${i}`)),
    outputs: ["y"],
    attributes,
  };
  const constants = new Map<string, Tensor>();
  inputs.forEach((input, i) => {
    if (input !== null && !(`x${i}` in floats)) constants.set(`x${i}`, input);
  });
  const graph = {
    inputs: Object.entries(floats).map(([name, { dtype, shape }]) => ({
      name,
      dtype,
      shape,
    })),
    state: [],
    constants,
    nodes: [node],
  };
  const type = inferTypes(graph).get("y");
  assert(type !== undefined, "the output has a type");
  return { ...graph, outputs: [{ name: "y", dtype: type.dtype, shape: type.shape }] };
}

function gradientGraph(
  graph: Graph,
  floats: Floats,
): {
  readonly bytes: Uint8Array;
  readonly seed: Tensor<"float32">;
  readonly names: ReadonlyMap<string, string>;
} {
  const types = inferTypes(graph, 1);
  const builder = new GraphBuilder([...types.keys(), "seed", "forward"]);
  const tape = emitForward(builder, graph, types);
  const y = tape.values.get("y");
  assert(y !== undefined, "the output was emitted");
  const seedValue: Value = { name: "seed", dtype: "float32", shape: y.shape };
  const gradients = differentiate(builder, tape, {
    output: "y",
    seed: seedValue,
    wanted: Object.keys(floats),
  });
  const names = new Map(
    Array.from(gradients.keys(), (name) => [name, `gradient.${name}`] as const),
  );
  names.delete("y");
  const built = builder.finish({
    inputs: [
      ...Object.entries(floats).map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
      seedValue,
    ],
    state: [],
    outputs: [
      { name: "forward", value: y },
      ...Array.from(names, ([name, as]) => {
        const value = gradients.get(name);
        assert(value !== undefined, "the gradient exists");
        return { name: as, value };
      }),
    ],
  });
  const data = Float32Array.from({ length: sizeOf(y.shape) }, (_, i) => noise(17, i));
  return {
    bytes: writeOnnx({ ...built, name: "check", initialisers: built.constants }),
    seed: tensor("float32", y.shape, data),
    names,
  };
}

function writable(graph: Graph): WritableGraph {
  return { ...graph, name: "plain", initialisers: graph.constants };
}

function floatInputs({ inputs, constants = [] }: OperatorCase): Floats {
  const floats: Floats = {};
  inputs.forEach((input, i) => {
    if (input?.data instanceof Float32Array && !constants.includes(i)) {
      floats[`x${i}`] = { dtype: "float32", shape: input.shape, data: input.data };
    }
  });
  return floats;
}

function largestDifference(a: Tensor, b: Tensor | undefined): number {
  const [left, right] = [a.data, b?.data ?? []].map((data) => Array.from(data, Number));
  return Math.max(...(left ?? []).map((value, i) => Math.abs(value - (right?.[i] ?? NaN))));
}
