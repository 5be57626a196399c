import { type Tensor, tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { trainingStep } from "../autodiff/training-step.ts";
import { BATCH } from "../graph/dimension.ts";
import type { Attributes } from "../graph/graph.ts";
import { openOnnx, runOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { floats, int, integers, ints, smooth } from "../ops/case-source.fixture.ts";
import { exportModel } from "./export-model.ts";
import { importModel } from "./import-model.ts";
import { inferenceGraph } from "./inference-graph.ts";
import type { Model } from "./model.ts";

const BATCH_SIZE = 3;

interface FileNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Attributes;
}

/** A file with input "x" of [batch, 6] and output "y" of [batch, 2], as some exporter writes it. */
function file(nodes: readonly FileNode[], initialisers: Readonly<Record<string, Tensor>>) {
  return writeOnnx({
    name: "file",
    inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 6] }],
    outputs: [{ name: "y", dtype: "float32", shape: [BATCH, 2] }],
    initialisers: Object.entries(initialisers),
    nodes: nodes.map((node, i) => ({ attributes: {}, ...node, name: `node${i}` })),
  });
}

function stateOf({ graph, state }: Model): Record<string, Tensor<"float32">> {
  return Object.fromEntries(
    graph.state.map(({ name, shape }): [string, Tensor<"float32">] => {
      const entry = state.layout.tensors.find((one) => one.name === name);
      const data = new Float32Array(state.buffer, entry?.byteOffset, shape.reduce(times, 1));
      return [name, { dtype: "float32", shape: shape.map(Number), data: data.slice() }];
    }),
  );
}

const times = (product: number, size: unknown): number => product * Number(size);

/** Runs the training step, and compares its gradients with finite differences of its loss. */
async function largestGradientError(model: Model, x: Tensor): Promise<number> {
  const step = trainingStep(model, { batchSize: BATCH_SIZE });
  const session = await openOnnx(step.onnx);
  const state = stateOf(model);
  const feeds = {
    [step.inputs.x]: x,
    [step.inputs.targets]: integers([0, 1, 0]),
    [step.inputs.weights]: floats([1, 0.5, 2]),
  };
  const results = await session.run({ ...feeds, ...state });
  let worst = 0;
  for (const [i, { name }] of model.graph.state.entries()) {
    const weights = state[name]!;
    const gradient = results[step.outputs.gradients[i] ?? ""]!;
    for (let k = 0; k < weights.data.length; k++) {
      const lossAt = async (offset: number): Promise<number> => {
        const data = weights.data.slice();
        data[k]! += offset;
        const moved = await session.run({ ...feeds, ...state, [name]: { ...weights, data } });
        return Number(moved[step.outputs.loss]?.data[0]);
      };
      const numeric = ((await lossAt(0.01)) - (await lossAt(-0.01))) / 0.02;
      worst = Math.max(worst, Math.abs(numeric - Number(gradient.data[k])));
    }
  }
  return worst;
}

/** The imported model must compute what the file does. */
async function differenceToFile(bytes: Uint8Array, model: Model, x: Tensor): Promise<number> {
  const { y: expected } = await runOnnx(bytes, { x });
  const { y: actual } = await runOnnx(inferenceGraph(model), { x, ...stateOf(model) });
  const values = Array.from(actual?.data ?? [], Number);
  return Math.max(...values.map((value, i) => Math.abs(value - Number(expected?.data[i]))));
}

describe("the normal form of a file", () => {
  it.each([
    ["stated sizes", { sizes: integers([2, 2, 2]) }, ["sizes"], {}],
    ["equal parts", {}, [], { num_outputs: int(3) }],
  ] as const)("states the sizes of a Split into %s", async (_, sizes, input, parts) => {
    const split = { inputs: ["scaled", ...input], outputs: ["a", "b", "c"] };
    const bytes = file(
      [
        { operator: "Mul", inputs: ["x", "w"], outputs: ["scaled"] },
        { operator: "Split", ...split, attributes: { axis: int(-1), ...parts } },
        { operator: "Mul", inputs: ["b", "c"], outputs: ["product"] },
        { operator: "Sub", inputs: ["product", "b"], outputs: ["y"] },
      ],
      { w: smooth(1, [6]), ...sizes },
    );
    const model = importModel(bytes);
    const x = smooth(5, [BATCH_SIZE, 6]);
    expect(model.graph.nodes.map(({ operator }) => operator)).toEqual([
      "Mul",
      "Split",
      "Mul",
      "Sub",
    ]);
    expect(await differenceToFile(bytes, model, x)).toBeLessThan(1e-6);
    expect(await largestGradientError(model, x)).toBeLessThan(1e-3);
  });

  it("has the axes of reductions as inputs, which older files have as attributes", () => {
    const bytes = file(
      [
        { operator: "Mul", inputs: ["x", "w"], outputs: ["scaled"] },
        { operator: "Reshape", inputs: ["scaled", "pairs"], outputs: ["rows"] },
        {
          operator: "ReduceL2",
          inputs: ["rows"],
          outputs: ["y"],
          attributes: { axes: ints([-1]), keepdims: int(0) },
        },
      ],
      { w: smooth(1, [6]), pairs: integers([-1, 2, 3]) },
    );
    const { graph } = importModel(bytes);
    const [, , reduction] = graph.nodes;
    expect(reduction?.attributes).not.toHaveProperty("axes");
    expect(graph.constants.get(reduction?.inputs[1] ?? "")).toEqual(integers([-1]));
  });

  it("trains embeddings of numbers that come in as floats, but not what is only looked up", async () => {
    const bytes = file(
      [
        { operator: "Cast", inputs: ["x"], outputs: ["ids"], attributes: { to: int(7) } },
        { operator: "Gather", inputs: ["table", "ids"], outputs: ["rows"] },
        { operator: "Equal", inputs: ["ids", "padding"], outputs: ["isPadding"] },
        { operator: "Unsqueeze", inputs: ["isPadding", "last"], outputs: ["mask"] },
        { operator: "Where", inputs: ["mask", "nothing", "rows"], outputs: ["kept"] },
        { operator: "ReduceMean", inputs: ["kept", "middle"], outputs: ["mean"] },
        { operator: "Squeeze", inputs: ["mean", "middle"], outputs: ["y"] },
      ],
      {
        table: smooth(1, [9, 2]),
        padding: integers([0], []),
        last: integers([-1]),
        middle: integers([1]),
        nothing: floats([0], []),
      },
    );
    const model = importModel(bytes);
    const ids = [0, 1, 2, 3, 3, 0, 4, 4, 4, 8, 7, 6, 5, 0, 0, 1, 1, 2];
    const x = floats(ids, [BATCH_SIZE, 6]);
    expect(model.state.layout.tensors.map(({ name }) => name)).toEqual(["table"]);
    expect(await differenceToFile(bytes, model, x)).toBeLessThan(1e-6);
    expect(await largestGradientError(model, x)).toBeLessThan(1e-3);
  });

  it("has single positions computed from shapes as single positions", async () => {
    const bytes = file(
      [
        { operator: "Mul", inputs: ["x", "w"], outputs: ["scaled"] },
        { operator: "Reshape", inputs: ["scaled", "pairs"], outputs: ["rows"] },
        { operator: "Shape", inputs: ["rows"], outputs: ["sizes"] },
        { operator: "Gather", inputs: ["sizes", "one"], outputs: ["count"] },
        { operator: "Sub", inputs: ["count", "one"], outputs: ["lastRow"] },
        {
          operator: "Gather",
          inputs: ["rows", "lastRow"],
          outputs: ["y"],
          attributes: { axis: int(1) },
        },
      ],
      { w: smooth(1, [6]), pairs: integers([-1, 3, 2]), one: integers([1], []) },
    );
    const model = importModel(bytes);
    const x = smooth(5, [BATCH_SIZE, 6]);
    expect(model.output.shape).toEqual([2]);
    expect(await differenceToFile(bytes, model, x)).toBeLessThan(1e-6);
    expect(await largestGradientError(model, x)).toBeLessThan(1e-3);
  });

  it("keeps floats that only configure an operator out of the parameters", () => {
    const bytes = file(
      [
        { operator: "Mul", inputs: ["x", "w"], outputs: ["scaled"] },
        { operator: "Reshape", inputs: ["scaled", "image"], outputs: ["pixels"] },
        { operator: "Resize", inputs: ["pixels", "", "scales"], outputs: ["larger"] },
        { operator: "ReduceMax", inputs: ["larger", "width"], outputs: ["rows"] },
        { operator: "Flatten", inputs: ["rows"], outputs: ["y"] },
      ],
      {
        w: smooth(1, [6]),
        image: integers([-1, 1, 1, 6]),
        scales: tensor("float32", [4], Float32Array.of(1, 1, 2, 1)),
        width: integers([3]),
      },
    );
    const { graph, state } = importModel(bytes);
    expect(state.layout.tensors.map(({ name }) => name)).toEqual(["w"]);
    expect(graph.constants.has("scales")).toBe(true);
  });

  it("reads tensors of one element in attributes, and writes them again", () => {
    const bytes = file(
      [
        { operator: "Mul", inputs: ["x", "w"], outputs: ["scaled"] },
        { operator: "Shape", inputs: ["scaled"], outputs: ["sizes"] },
        {
          operator: "ConstantOfShape",
          inputs: ["sizes"],
          outputs: ["ones"],
          attributes: { value: { kind: "scalar", value: { dtype: "float32", value: 0.5 } } },
        },
        { operator: "Add", inputs: ["scaled", "ones"], outputs: ["sum"] },
        {
          operator: "Gather",
          inputs: ["sum", "two"],
          outputs: ["y"],
          attributes: { axis: int(1) },
        },
      ],
      { w: smooth(1, [6]), two: integers([0, 5]) },
    );
    const model = importModel(bytes);
    const again = importModel(exportModel(model));
    expect(again.graph).toEqual(model.graph);
    expect(model.graph.nodes.find(({ name }) => name === "node2")?.attributes).toEqual({
      value: { kind: "scalar", value: { dtype: "float32", value: 0.5 } },
    });
  });
});
