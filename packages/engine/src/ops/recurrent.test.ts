import { sizeOf, type Tensor, tensor } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differentiate, emitForward } from "../autodiff/tape.ts";
import { UnsupportedOperatorError } from "../errors.ts";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import { BATCH, fixedShape } from "../graph/dimension.ts";
import type { Attributes, Graph, GraphNode, GraphShape } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { float, int, integers, text } from "./case-source.fixture.ts";
import { noise } from "./gradient-check.fixture.ts";
import { RECURRENT_CASES, type RecurrentCase } from "./recurrent-cases.fixture.ts";
import { referenceOutputs } from "./recurrent-reference.fixture.ts";
import { inferTypes } from "./type-inference.ts";

const KINDS = ["LSTM", "GRU", "RNN"] as const;
type Kind = (typeof KINDS)[number];
const OUTPUTS = { LSTM: ["y", "h", "c"], GRU: ["y", "h"], RNN: ["y", "h"] } as const;

function graphOf(kind: Kind, use: RecurrentCase): Graph {
  const inputs = use.inputs.map((input, i) => (input === null ? "" : `x${i}`));
  const node = { name: "node", operator: kind, inputs, outputs: OUTPUTS[kind] };
  return {
    inputs: use.inputs.flatMap((input, i) =>
      input === null ? [] : [{ name: `x${i}`, dtype: input.dtype, shape: input.shape }],
    ),
    state: [],
    constants: new Map(),
    nodes: [{ ...node, attributes: use.attributes }],
    outputs: [],
  };
}

const feedsOf = (use: RecurrentCase): Record<string, Tensor> =>
  Object.fromEntries(use.inputs.flatMap((input, i) => (input === null ? [] : [[`x${i}`, input]])));

/** What element k of output i counts in the number that is differentiated. */
const seedOf = (i: number, k: number): number => Math.fround(noise(31 + i, k));

/** The layer, and Σ seed · output over all elements of all its outputs. */
function weighted(graph: Graph, kind: Kind): Graph {
  const types = inferTypes(graph);
  const constants = new Map<string, Tensor>();
  const nodes: GraphNode[] = [...graph.nodes];
  const node = (operator: OperatorKind, inputs: readonly string[], output: string): void => {
    const attributes = operator === "ReduceSum" ? { keepdims: int(0) } : {};
    nodes.push({ name: output, operator, inputs, outputs: [output], attributes });
  };
  const totals = OUTPUTS[kind].map((name, i) => {
    const shape = fixedShape(types.get(name)?.shape ?? []) ?? [];
    const seed = Float32Array.from({ length: sizeOf(shape) }, (_, k) => seedOf(i, k));
    constants.set(`seed.${name}`, tensor("float32", shape, seed));
    node("Mul", [name, `seed.${name}`], `product.${name}`);
    node("ReduceSum", [`product.${name}`], `sum.${name}`);
    return `sum.${name}`;
  });
  totals.reduce((sofar, next) => {
    node("Add", [sofar, next], `${sofar}+${next}`);
    return `${sofar}+${next}`;
  });
  return { ...graph, constants, nodes };
}

/** Outputs of the training graph, and the gradients of their weighted sum by the inputs' names. */
async function trained(kind: Kind, use: RecurrentCase): Promise<Record<string, Tensor>> {
  const graph = weighted(graphOf(kind, use), kind);
  const types = inferTypes(graph, 1);
  const builder = new GraphBuilder(types.keys());
  const tape = emitForward(builder, graph, types);
  const gradients = differentiate(builder, tape, {
    output: graph.nodes.at(-1)!.outputs[0]!,
    seed: builder.floats([1], []),
    wanted: Object.keys(feedsOf(use)),
  });
  const valueOf = (name: string): Value => tape.values.get(name)!;
  const built = builder.finish({
    inputs: graph.inputs.map(({ name }) => valueOf(name)),
    state: [],
    outputs: [
      ...OUTPUTS[kind].map((name) => ({ name: `out.${name}`, value: valueOf(name) })),
      ...Object.keys(feedsOf(use)).map((name) => ({
        name: `gradient.${name}`,
        value: gradients.get(name)!,
      })),
    ],
  });
  return runOnnx(
    writeOnnx({ ...built, name: "check", initialisers: built.constants }),
    feedsOf(use),
  );
}

/** Largest difference of two lists. */
function difference(a: ArrayLike<number>, b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return Math.max(0, ...b.map((value, i) => Math.abs(value - Number(a[i]))));
}
const numbersOf = (t: Tensor | undefined): number[] => Array.from(t?.data ?? [], Number);

describe.each(KINDS)("%s", (kind) => {
  it("computes what the specification and ONNX Runtime do, unrolled for training", async () => {
    await fc.assert(
      fc.asyncProperty(RECURRENT_CASES[kind], async (use) => {
        const inputs = use.inputs.map((input) => (input === null ? null : numbersOf(input)));
        const expected = referenceOutputs(kind, use, inputs);
        const graph = graphOf(kind, use);
        const types = inferTypes(graph, 1);
        const plain = await runOnnx(
          writeOnnx({
            ...graph,
            name: "plain",
            initialisers: [],
            outputs: OUTPUTS[kind].map((name) => ({ ...types.get(name)!, name })),
          }),
          feedsOf(use),
        );
        const unrolled = await trained(kind, use);
        OUTPUTS[kind].forEach((name, i) => {
          expect(plain[name]!.shape).toEqual(types.get(name)!.shape);
          expect(unrolled[`out.${name}`]!.shape).toEqual(plain[name]!.shape);
          expect(difference(numbersOf(plain[name]), [...expected[i]!])).toBeLessThan(2e-6);
          expect(difference(numbersOf(unrolled[`out.${name}`]), [...expected[i]!])).toBeLessThan(
            2e-6,
          );
        });
      }),
      { numRuns: 25, seed: Number(process.env["SEED"] ?? 1) },
    );
  });

  it("has the gradients of all outputs for all inputs, by differences in float64", async () => {
    await fc.assert(
      fc.asyncProperty(RECURRENT_CASES[kind], async (use) => {
        const results = await trained(kind, use);
        const inputs = use.inputs.map((input) => (input === null ? null : numbersOf(input)));
        const lossAt = (at: number, entry: number, offset: number): number => {
          const moved = inputs.map((list, i) =>
            i === at && list !== null ? list.with(entry, (list[entry] ?? 0) + offset) : list,
          );
          return referenceOutputs(kind, use, moved).reduce(
            (total, output, i) =>
              total + output.reduce((sofar, value, k) => sofar + value * seedOf(i, k), 0),
            0,
          );
        };
        inputs.forEach((list, at) => {
          if (list === null) return;
          const h = 1e-5;
          const numeric = list.map((_, k) => (lossAt(at, k, h) - lossAt(at, k, -h)) / (2 * h));
          const scale = Math.max(1, ...numeric.map(Math.abs));
          const gradient = numbersOf(results[`gradient.x${at}`]);
          expect(difference(gradient, numeric) / scale, `input ${at}`).toBeLessThan(5e-6);
        });
      }),
      { numRuns: 25, seed: Number(process.env["SEED"] ?? 1) },
    );
  });
});

function infer(kind: Kind, attributes: Attributes, shape: GraphShape = [5, BATCH, 3]) {
  const rows = { LSTM: 4, GRU: 3, RNN: 1 }[kind] * 2;
  const weights = [
    { name: "w", dtype: "float32", shape: [1, rows, 3] },
    { name: "r", dtype: "float32", shape: [1, rows, 2] },
  ] as const;
  const inputs = ["x", "w", "r", "", "lengths", "", "", "peepholes"];
  return (used: number, lengths = 5): GraphShape | undefined =>
    inferTypes({
      inputs: [{ name: "x", dtype: "float32", shape }],
      state: [...weights, { name: "peepholes", dtype: "float32", shape: [1, 6] }],
      constants: new Map([["lengths", integers([lengths, lengths])]]),
      nodes: [
        {
          name: "culprit",
          operator: kind,
          inputs: inputs.slice(0, used),
          outputs: ["", "h"],
          attributes,
        },
      ],
    }).get("h")?.shape;
}

/** A layer with something that cannot be trained. */
interface Refused {
  readonly what: string;
  readonly attributes?: Attributes;
  readonly used?: number;
  readonly lengths?: number;
}

describe("recurrent layers", () => {
  it("keep the batch open", () => {
    expect(infer("LSTM", {})(3)).toEqual([1, BATCH, 2]);
    expect(infer("GRU", { hidden_size: int(2) })(5)).toEqual([1, BATCH, 2]);
  });

  it.each<Refused>([
    { what: "layout 1", attributes: { layout: int(1) } },
    { what: "clip", attributes: { clip: float(3) } },
    { what: "input_forget", attributes: { input_forget: int(1) } },
    {
      what: "another activation",
      attributes: { activations: { kind: "strings", value: ["Relu", "Tanh"] } },
    },
    { what: "an unknown direction", attributes: { direction: text("sideways") } },
    { what: "shorter sequences", used: 5, lengths: 4 },
    { what: "peepholes", used: 8 },
  ])("refuse $what, naming the node", ({ attributes = {}, used = 3, lengths = 5 }) => {
    const inference = (): unknown => infer("LSTM", attributes)(used, lengths);
    expect(inference).toThrow(UnsupportedOperatorError);
    expect(inference).toThrow(/"culprit"/);
  });

  it("refuse sequences of unknown length and misfitting weights", () => {
    expect(() => infer("GRU", {}, [BATCH, 5, 3])(3)).toThrow(/batch_first/);
    expect(() => infer("GRU", {}, [5, BATCH, 4])(3)).toThrow(/input 1 has shape \[1, 6, 3\]/);
    expect(() => infer("GRU", { hidden_size: int(3) })(3)).toThrow(/hidden_size/);
  });
});
