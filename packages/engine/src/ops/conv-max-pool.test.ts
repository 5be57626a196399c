import { tensor, type Tensor } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differentiate, emitForward } from "../autodiff/tape.ts";
import { fusePooling } from "../autodiff/rewrites.ts";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import type { Attribute, Graph, GraphNode } from "../graph/graph.ts";
import { openOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { noise } from "./gradient-check.fixture.ts";
import { inferTypes } from "./type-inference.ts";

interface Network {
  readonly samples: number;
  readonly channels: number;
  readonly filters: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly pool: readonly [number, number];
  readonly count: readonly [number, number];
  readonly bias: boolean;
}

const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });

/** Images, weights and bias, by name, for a network whose pool covers `count` tiles. */
function shapesOf(network: Network): Record<string, readonly number[]> {
  const { samples, channels, filters, kernel, strides, pads, pool, count } = network;
  const image = [0, 1].map((i) => {
    const convolved = pool[i]! * count[i]!;
    return (convolved - 1) * strides[i]! + kernel[i]! - pads[i]! - pads[i + 2]!;
  });
  const shapes = { x: [samples, channels, ...image], w: [filters, channels, ...kernel] };
  return network.bias ? { ...shapes, b: [filters] } : shapes;
}

function graphOf(network: Network): Graph {
  const { strides, pads, pool } = network;
  const shapes = shapesOf(network);
  const nodes: GraphNode[] = [
    {
      name: "conv",
      operator: "Conv",
      inputs: Object.keys(shapes),
      outputs: ["c"],
      attributes: { strides: ints(strides), pads: ints(pads) },
    },
    {
      name: "pool",
      operator: "MaxPool",
      inputs: ["c"],
      outputs: ["y"],
      attributes: { kernel_shape: ints(pool), strides: ints(pool) },
    },
  ];
  const inputs = Object.entries(shapes).map(([name, shape]) => ({
    name,
    dtype: "float32" as const,
    shape,
  }));
  const parts = { inputs, state: [], constants: new Map(), nodes };
  const shape = inferTypes(parts).get("y")!.shape;
  return { ...parts, outputs: [{ name: "y", dtype: "float32", shape }] };
}

/** y and its gradients for everything, seeded with noise. */
async function differentiated(
  graph: Graph,
  values: Record<string, Tensor<"float32">>,
): Promise<Record<string, Tensor>> {
  const types = inferTypes(graph, 1);
  const builder = new GraphBuilder([...types.keys(), "seed"]);
  const tape = emitForward(builder, graph, types);
  const y = tape.values.get("y")!;
  const seed: Value = { name: "seed", dtype: "float32", shape: y.shape };
  const wanted = Object.keys(values);
  const gradients = differentiate(builder, tape, { output: "y", seed, wanted });
  const built = builder.finish({
    inputs: [...wanted.map((name) => tape.values.get(name)!), seed],
    state: [],
    outputs: [
      { name: "y", value: y },
      ...wanted.map((name) => ({ name: `gradient.${name}`, value: gradients.get(name)! })),
    ],
  });
  const session = await openOnnx(
    writeOnnx({ ...built, name: "check", initialisers: built.constants }),
  );
  return session.run({ ...values, seed: noisy(99, y.shape) });
}

function noisy(seed: number, shape: readonly number[]): Tensor<"float32"> {
  const length = shape.reduce((product, size) => product * size, 1);
  return tensor(
    "float32",
    shape,
    Float32Array.from({ length }, (_, i) => noise(seed, i)),
  );
}

const side = fc.integer({ min: 1, max: 3 });
const pair = fc.tuple(side, side);

const networks: fc.Arbitrary<Network> = fc
  .record({
    samples: fc.constantFrom(8, 9),
    channels: side,
    filters: side,
    kernel: fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 2, max: 5 })),
    strides: fc.tuple(fc.constantFrom(1, 1, 2), fc.constantFrom(1, 1, 2)),
    pads: fc.tuple(side, side, side, side),
    pool: pair,
    count: fc.tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 2, max: 4 })),
    bias: fc.boolean(),
  })
  .map((network) => ({
    ...network,
    // Less padding than the kernel, so that no window sees only zeros.
    pads: network.pads.map((size, i) => Math.min(size, network.kernel[i % 2]!) - 1) as never,
  }))
  .filter((network) => shapesOf(network)["x"]!.every((size) => size > 0));

describe("Conv and MaxPool as one", () => {
  it("compute and differentiate as the two do by themselves", async () => {
    let fusedCount = 0;
    const property = fc.asyncProperty(networks, async (network) => {
      const graph = graphOf(network);
      const fused = fusePooling(graph, inferTypes(graph));
      if (fused.nodes.length === 1) fusedCount++;
      const values = Object.fromEntries(
        Object.entries(shapesOf(network)).map(([name, shape], i) => [name, noisy(i + 1, shape)]),
      );
      const [expected, actual] = [
        await differentiated(graph, values),
        await differentiated(fused, values),
      ];
      for (const [name, { data, shape }] of Object.entries(expected)) {
        expect(actual[name]!.shape).toEqual(shape);
        const numbers = Array.from<number | bigint, number>(data, Number);
        const scale = Math.max(1, ...numbers.map(Math.abs));
        numbers.forEach((value, i) => {
          expect(Math.abs(Number(actual[name]!.data[i]) - value) / scale).toBeLessThan(1e-5);
        });
      }
    });
    await fc.assert(property, { numRuns: 60, seed: Number(process.env["SEED"] ?? 1) });
    expect(fusedCount).toBeGreaterThan(20);
  });

  const lenetLike: Network = {
    samples: 32,
    channels: 6,
    filters: 16,
    kernel: [5, 5],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    pool: [2, 2],
    count: [5, 5],
    bias: true,
  };
  const operatorsOf = (graph: Graph): string[] =>
    fusePooling(graph, inferTypes(graph)).nodes.map(({ operator }) => operator);

  it("are fused where that was measured to be faster", () => {
    expect(operatorsOf(graphOf(lenetLike))).toEqual(["ConvMaxPool"]);
  });

  it.each([
    { why: "few samples", change: { samples: 4 } },
    { why: "many channels", change: { channels: 32 } },
    { why: "a kernel of 1 x 1", change: { kernel: [1, 1] } },
    { why: "large tiles", change: { pool: [4, 4] } },
    { why: "large images", change: { count: [60, 60] } },
  ] as const)("stay apart with $why", ({ change }) => {
    expect(operatorsOf(graphOf({ ...lenetLike, ...change }))).toEqual(["Conv", "MaxPool"]);
  });

  it("stay apart where others read what is between, and where tiles leave a rest", () => {
    const graph = graphOf(lenetLike);
    const [output] = graph.outputs;
    const between = { ...output!, name: "c" };
    expect(operatorsOf({ ...graph, outputs: [...graph.outputs, between] })).toHaveLength(2);
    const [conv, pool] = graph.nodes;
    const pads = { ...conv!, attributes: { ...conv!.attributes, pads: ints([1, 0, 0, 0]) } };
    expect(operatorsOf({ ...graph, nodes: [pads, pool!] })).toHaveLength(2);
  });
});
