import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/builder.ts";
import type { Attribute, Graph } from "../graph/graph.ts";
import { probeBlockedLayout } from "../plan/blocked-probe.ts";
import { loadRuntime } from "../runtime/load-runtime.ts";
import { differentiated, graphOf, largestDifference, node } from "./formulation.fixture.ts";
import { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT } from "./formulation-tables.ts";
import { type Convolution, convolutionOf } from "./formulation.ts";

/** Channels per block on the machine that tests: AVX-512 or AVX2. */
const BLOCK = (await probeBlockedLayout(await loadRuntime({ backend: "native" }))) ?? 16;

interface Applicable {
  readonly applies: (convolution: Convolution) => boolean;
}

interface Layer {
  readonly samples: number;
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
  readonly image: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly number[];
  readonly bias: boolean;
}

const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });

function layerGraph(layer: Layer): Graph {
  const { samples, channels, filters, groups, image, kernel, bias } = layer;
  const shapes: Record<string, readonly number[]> = {
    x: [samples, channels, ...image],
    w: [filters, channels / groups, ...kernel],
    ...(bias ? { b: [filters] } : {}),
  };
  const conv = node("Conv", Object.keys(shapes), ["y"], {
    strides: ints(layer.strides),
    dilations: ints(layer.dilations),
    pads: ints(layer.pads),
    group: { kind: "int", value: groups },
  });
  return graphOf(shapes, [conv]);
}

/** The convolution as the tables see it; null where no window fits. */
function convolution(layer: Layer): Convolution | null {
  const builder = new GraphBuilder([], { block: BLOCK, formulations: {} });
  const { samples, channels, filters, groups, image, kernel } = layer;
  const fits = [0, 1].every(
    (i) =>
      image[i]! + layer.pads[i]! + layer.pads[i + 2]! >= layer.dilations[i]! * (kernel[i]! - 1) + 1,
  );
  if (!fits) return null;
  const x = { name: "x", dtype: "float32", shape: [samples, channels, ...image] } as const;
  const w = {
    name: "w",
    dtype: "float32",
    shape: [filters, channels / groups, ...kernel],
  } as const;
  return convolutionOf(builder, layerGraph(layer).nodes[0]!, x, w);
}

const side = fc.integer({ min: 1, max: 6 });
const stride = fc.constantFrom(1, 1, 2);
const layers: fc.Arbitrary<Layer> = fc
  .record({
    samples: fc.constantFrom(2, 16),
    kind: fc.constantFrom("dense", "dense", "dense", "stem", "depthwise", "grouped", "odd"),
    blocks: fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2)),
    image: fc.oneof(
      fc.tuple(side, side),
      fc.constantFrom([8, 16], [1, 1], [4, 4], [3, 32], [6, 6]),
    ),
    kernel: fc.constantFrom([1, 1], [1, 1], [3, 3], [2, 3], [5, 1]),
    strides: fc.oneof(fc.tuple(stride, stride), fc.constantFrom([1, 1], [2, 2])),
    dilations: fc.constantFrom([1, 1], [1, 1], [2, 1], [2, 2]),
    pads: fc.oneof(
      fc.constantFrom([1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]),
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    ),
    bias: fc.boolean(),
  })
  .map(({ kind, blocks, ...rest }): Layer => {
    const [c, o] = [BLOCK * blocks[0], BLOCK * blocks[1]];
    const sizes = {
      dense: { channels: c, filters: o, groups: 1 },
      stem: { channels: 3, filters: o, groups: 1 },
      depthwise: { channels: c, filters: c, groups: c },
      grouped: { channels: c, filters: o, groups: 2 },
      odd: { channels: 6, filters: 10, groups: 1 },
    }[kind];
    return { ...rest, ...sizes };
  })
  .filter((layer) => convolution(layer) !== null);

const TABLES = {
  forward: FORWARD,
  inputGradient: INPUT_GRADIENT,
  weightGradient: WEIGHT_GRADIENT,
} as const;

describe("Formulations of convolution", () => {
  it.each(Object.keys(TABLES) as (keyof typeof TABLES)[])(
    "for %s agree with the standard operators wherever they apply",
    async (what) => {
      const used = new Map<string, number>();
      const property = fc.asyncProperty(layers, async (layer) => {
        const graph = layerGraph(layer);
        const seen = convolution(layer)!;
        const expected = await differentiated(graph, null);
        const ways: readonly [string, Applicable][] = Object.entries(TABLES[what]);
        for (const [name, { applies }] of ways) {
          if (name === "standard" || !applies(seen)) continue;
          used.set(name, (used.get(name) ?? 0) + 1);
          const formulations = { y: { [what]: name } };
          const actual = await differentiated(graph, { block: BLOCK, formulations });
          expect(largestDifference(expected, actual), name).toBeLessThan(1e-5);
        }
      });
      await fc.assert(property, { numRuns: 100, seed: Number(process.env["SEED"] ?? 1) });
      const names = Object.keys(TABLES[what]).filter((name) => name !== "standard");
      expect(names.filter((name) => (used.get(name) ?? 0) < 3)).toEqual([]);
    },
  );

  it("use standard operators alone where the layout is not there", async () => {
    const property = fc.asyncProperty(layers, async (layer) => {
      const graph = layerGraph(layer);
      const expected = await differentiated(graph, null);
      const actual = await differentiated(graph, { block: null, formulations: {} });
      expect(actual.operators.filter((name) => name.startsWith("Reorder"))).toEqual([]);
      expect(largestDifference(expected, actual)).toBeLessThan(1e-5);
    });
    await fc.assert(property, { numRuns: 30, seed: Number(process.env["SEED"] ?? 1) });
  });
});

describe("Chains of blocked operators", () => {
  const channels = 32;
  const image = { x: [16, channels, 6, 5], w: [channels, channels, 3, 3], s: [channels] };
  const padded = { pads: ints([1, 1, 1, 1]) };
  const block = (activation: Graph["nodes"][number]): Graph =>
    graphOf({ ...image, b: [channels], v: [channels, channels, 3, 3] }, [
      node("Conv", ["x", "w"], ["c"], padded),
      node("TrainingBatchNormalization", ["c", "s", "b"], ["n", "m1", "v1"]),
      activation,
      node("Conv", ["a", "v"], ["d"], padded),
      node("TrainingBatchNormalization", ["d", "s", "b"], ["e", "m2", "v2"]),
      node("Add", ["e", "x"], ["f"]),
      node("Tanh", ["f"], ["g"]),
      node("Relu", ["f"], ["h"]),
      node("Add", ["g", "h"], ["y"]),
    ]);

  it.each(["Relu", "Tanh", "HardSwish", "LeakyRelu"] as const)(
    "compute normalisation, %s and a residual like standard operators",
    async (activation) => {
      const graph = block(node(activation, ["n"], ["a"]));
      const expected = await differentiated(graph, null);
      const actual = await differentiated(graph, { block: BLOCK, formulations: {} });
      expect(largestDifference(expected, actual)).toBeLessThan(2e-5);
    },
  );

  it("never leave the layout inside the chain", async () => {
    const graph = block(node("Relu", ["n"], ["a"]));
    const { operators } = await differentiated(graph, { block: BLOCK, formulations: {} });
    // x and the seed go in, y and ∂x come out; both weight gradients read images once more.
    expect(operators.filter((name) => name === "ReorderInput").length).toBeLessThanOrEqual(4);
    expect(operators).not.toContain("BatchNormalization");
    expect(operators.filter((name) => name === "Relu")).toEqual([]);
  });

  it("normalise images of one pixel as rows", async () => {
    const graph = graphOf(
      { x: [16, channels, 1, 1], w: [channels, channels, 1, 1], s: [channels], b: [channels] },
      [
        node("Conv", ["x", "w"], ["c"]),
        node("TrainingBatchNormalization", ["c", "s", "b"], ["n", "m1", "v1"]),
        node("Relu", ["n"], ["a"]),
        node("Add", ["a", "x"], ["y"]),
      ],
    );
    const expected = await differentiated(graph, null);
    const actual = await differentiated(graph, { block: BLOCK, formulations: {} });
    expect(largestDifference(expected, actual)).toBeLessThan(2e-5);
  });
});
