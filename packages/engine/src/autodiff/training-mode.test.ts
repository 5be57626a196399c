import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { importModel } from "../models/import-model.ts";
import type { Model } from "../models/model.ts";
import { openOnnx, runOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { float, floats, integers, smooth } from "../ops/case-source.fixture.ts";
import { BATCH } from "../graph/dimension.ts";
import type { GraphNode } from "../graph/graph.ts";
import { tensorsOf } from "./golden.fixture.ts";
import { trainingStep } from "./training-step.ts";

const FIXTURES = "../sessions/fixtures/batch-norm.golden";

const read = (suffix: string): Buffer =>
  readFileSync(new URL(`${FIXTURES}.${suffix}`, import.meta.url));

function node(operator: GraphNode["operator"], inputs: string[], output: string): GraphNode {
  return { name: output, operator, inputs, outputs: [output], attributes: {} };
}

/** x · w normalised over the batch, squared against another normalisation, summed to two numbers. */
function normalised(image: readonly number[]): Model {
  const weights = { w: 3, s: 3, b: 3, m: 3, v: 3, s2: 3, b2: 3, m2: 3, v2: 3 };
  const shape = (name: string): number[] =>
    name === "w" ? [3, ...image.map(() => 1)] : [weights[name as "s"]];
  const axes = image.map((_, i) => i + 2);
  const nodes = [
    node("Mul", ["x", "w"], "scaled"),
    { ...node("BatchNormalization", ["scaled", "s", "b", "m", "v"], "first") },
    node("Mul", ["first", "first"], "squared"),
    node("BatchNormalization", ["squared", "s2", "b2", "m2", "v2"], "second"),
    node("Tanh", ["second"], "bent"),
    ...(axes.length === 0
      ? [node("Identity", ["bent"], "y")]
      : [{ ...node("ReduceSum", ["bent", "axes"], "y"), attributes: { keepdims: int0 } }]),
  ].map((one) =>
    one.operator === "BatchNormalization" ? { ...one, attributes: { epsilon: float(0.01) } } : one,
  );
  return importModel(
    writeOnnx({
      name: "normalised",
      inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 3, ...image] }],
      outputs: [{ name: "y", dtype: "float32", shape: [BATCH, 3] }],
      initialisers: [
        ...Object.keys(weights).map((name, i): [string, Tensor] => [
          name,
          smooth(i, shape(name), name.startsWith("b") ? 0 : 1.5),
        ]),
        ...(axes.length === 0 ? [] : [["axes", integers(axes)] as [string, Tensor]]),
      ],
      nodes,
    }),
  );
}

const int0 = { kind: "int", value: 0 } as const;

describe("BatchNormalization in a training step", () => {
  it.each([[[]], [[4]], [[2, 3]], [[2, 1, 3]]])(
    "has the gradient of its finite differences (images %j)",
    async (image) => {
      const model = normalised(image);
      const batchSize = 5;
      const step = trainingStep(model, { batchSize });
      const session = await openOnnx(step.onnx);
      const state = tensorsOf(model.state);
      const feeds = {
        [step.inputs.x]: smooth(7, [batchSize, 3, ...image]),
        [step.inputs.targets]: integers([0, 1, 2, 0, 1]),
        [step.inputs.weights]: floats([1, 0.5, 2, 1, 0]),
      };
      const results = await session.run({ ...feeds, ...state });
      const parameters = model.state.layout.tensors.filter(({ role }) => role === "parameter");
      expect(parameters.map(({ name }) => name)).toEqual(["w", "s", "b", "s2", "b2"]);
      for (const [k, { name }] of parameters.entries()) {
        const gradient = results[step.outputs.gradients[k]!]!;
        const weights = state[name]!;
        for (let i = 0; i < weights.data.length; i++) {
          const lossAt = async (offset: number): Promise<number> => {
            const data = Float32Array.from(weights.data, Number);
            data[i]! += offset;
            const moved = tensor("float32", weights.shape, data);
            const { [step.outputs.loss]: loss } = await session.run({
              ...feeds,
              ...state,
              [name]: moved,
            });
            return Number(loss!.data[0]);
          };
          const near = (await lossAt(0.02)) - (await lossAt(-0.02));
          const far = (await lossAt(0.04)) - (await lossAt(-0.04));
          const numeric = (8 * near - far) / 0.24;
          expect(Math.abs(Number(gradient.data[i]) - numeric), `${name}[${i}]`).toBeLessThan(3e-3);
        }
      }
    },
  );

  it("has the mean and the biased variance of the batch as outputs", async () => {
    const model = normalised([2, 2]);
    const step = trainingStep(model, { batchSize: 3 });
    const x = smooth(3, [3, 3, 2, 2]);
    const results = await runOnnx(step.onnx, {
      ...tensorsOf(model.state),
      [step.inputs.x]: x,
      [step.inputs.targets]: integers([0, 1, 2]),
      [step.inputs.weights]: floats([1, 1, 1]),
    });
    const [first, second] = step.outputs.moments;
    expect(step.outputs.moments).toHaveLength(2);
    expect(first).toMatchObject({ runningMean: "m", runningVariance: "v", elements: 12 });
    expect(second).toMatchObject({ runningMean: "m2", runningVariance: "v2", momentum: 0.9 });
    const w = tensorsOf(model.state)["w"]!.data;
    for (let c = 0; c < 3; c++) {
      const values = [0, 1, 2].flatMap((n) =>
        [0, 1, 2, 3].map((i) => Number(x.data[12 * n + 4 * c + i]) * Number(w[c])),
      );
      const mean = values.reduce((sum, value) => sum + value, 0) / 12;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 12;
      expect(results[first!.mean]!.data[c]).toBeCloseTo(mean, 5);
      expect(results[first!.variance]!.data[c]).toBeCloseTo(variance, 5);
    }
  });

  it("has PyTorch's gradients", async () => {
    const model = importModel(read("onnx"));
    const golden = JSON.parse(read("json").toString("utf8")) as {
      batchSize: number;
      classes: number;
      exact: { steps: [{ loss: number; gradients: Record<string, number[]> }] };
    };
    const { batchSize, classes } = golden;
    const step = trainingStep(model, { batchSize });
    const rows = Array.from({ length: batchSize }, (_, i) => i);
    const shape = [batchSize, ...model.input.shape];
    const results = await runOnnx(step.onnx, {
      ...tensorsOf(model.state),
      [step.inputs.x]: tensor(
        "float32",
        shape,
        Float32Array.from({ length: batchSize * 128 }, (_, i) => Math.sin(12.9898 * i + 0.5)),
      ),
      [step.inputs.targets]: integers(rows.map((i) => (7 * i + 3) % classes)),
      [step.inputs.weights]: floats(rows.map(() => 1)),
    });
    const [first] = golden.exact.steps;
    const mean = Number(results[step.outputs.loss]!.data[0]) / batchSize;
    expect(Math.abs(mean / first.loss - 1)).toBeLessThan(1e-6);
    const parameters = model.state.layout.tensors.filter(({ role }) => role === "parameter");
    for (const [k, { name }] of parameters.entries()) {
      const gradient = results[step.outputs.gradients[k]!]!;
      const expected = first.gradients[name]!;
      const largest = Math.max(...expected.map(Math.abs));
      // The bias before a normalisation has no effect: its true gradient is 0.
      if (name === "conv2.bias" || name === "fc1.bias") {
        expect(largest).toBeLessThan(1e-12);
        gradient.data.forEach((g) => expect(Math.abs(Number(g) / batchSize)).toBeLessThan(1e-6));
      } else {
        expected.forEach((value, i) => {
          const error = Math.abs(Number(gradient.data[i]) / batchSize - value);
          expect(error / largest, name).toBeLessThan(1e-4);
        });
      }
    }
  });

  it("forgets a batch that was not finite", async () => {
    const model = normalised([2]);
    const step = trainingStep(model, { batchSize: 2 });
    const session = await openOnnx(step.onnx);
    const run = (x: Tensor): Promise<Record<string, Tensor>> =>
      session.run({
        ...tensorsOf(model.state),
        [step.inputs.x]: x,
        [step.inputs.targets]: integers([0, 1]),
        [step.inputs.weights]: floats([1, 1]),
      });
    const good = smooth(1, [2, 3, 2]);
    const before = await run(good);
    await run(tensor("float32", [2, 3, 2], new Float32Array(12).fill(NaN)));
    expect(await run(good)).toEqual(before);
  });

  it("keeps the running statistics where they are constants", () => {
    const trained = normalised([2]);
    const { graph, state } = trained;
    const frozen: Model = {
      ...trained,
      graph: {
        ...graph,
        state: graph.state.filter(({ name }) => !["m", "v"].includes(name)),
        constants: new Map([
          ...graph.constants,
          ["m", tensorsOf(state)["m"]!],
          ["v", tensorsOf(state)["v"]!],
        ]),
      },
    };
    const { outputs } = trainingStep(frozen, { batchSize: 2 });
    expect(outputs.moments.map(({ runningMean }) => runningMean)).toEqual(["m2"]);
  });
});
