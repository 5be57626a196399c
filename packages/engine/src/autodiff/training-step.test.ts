import { createState, type ModelState, stateLayout, type Tensor, tensor } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UntrainableModelError } from "../errors.ts";
import { BATCH } from "../graph/dimension.ts";
import { lenet5 } from "../models/lenet5.ts";
import { mlp } from "../models/mlp.ts";
import type { Model } from "../models/model.ts";
import { readOnnx } from "../onnx/read.ts";
import { openOnnx, runOnnx } from "../onnx/execution.fixture.ts";
import {
  deviation,
  goldenBatch,
  type GoldenBatch,
  goldenState,
  gradientsOf,
  readGolden,
  tensorsOf,
} from "./golden.fixture.ts";
import { trainingStep } from "./training-step.ts";

const tanhMlp = mlp({ inputs: 20, hidden: [16, 12], outputs: 5, activation: "tanh" });

/** The samples from `start` to `end` of a batch. */
function part({ inputs, targets, weights }: GoldenBatch, start: number, end: number): GoldenBatch {
  const cut = ({ dtype, shape, data }: Tensor): Tensor => {
    const each = data.length / shape[0]!;
    return tensor(dtype, [end - start, ...shape.slice(1)], data.slice(start * each, end * each));
  };
  return { inputs: cut(inputs), targets: cut(targets), weights: cut(weights) };
}

/** A state of vectors of three zeros. */
function vectors(names: readonly string[]): ModelState {
  return createState(
    stateLayout(names.map((name) => ({ name, role: "parameter", dtype: "float32", shape: [3] }))),
  );
}

function flat(gradients: readonly Tensor[]): number[] {
  return gradients.flatMap(({ data }) => Array.from(data, Number));
}

describe("trainingStep", () => {
  it.each([
    { file: "./lenet5.golden.json", model: lenet5() },
    { file: "./mlp.golden.json", model: tanhMlp },
  ])("has PyTorch's loss and gradients ($file)", async ({ file, model }) => {
    const golden = readGolden(file, import.meta.url);
    const batch = goldenBatch(model, golden);
    const { loss, gradients } = await gradientsOf(model, goldenState(model), batch);
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-5);
    expect(model.state.layout.tensors.map(({ name }) => name)).toEqual(
      golden.gradients.map(({ name }) => name),
    );
    for (const [i, expected] of golden.gradients.entries()) {
      expect(gradients[i]!.shape).toEqual(expected.shape);
      expect(deviation(gradients[i]!, expected), expected.name).toBeLessThan(1e-4);
    }
  });

  it("has them also with so many samples that convolution and pooling become one", async () => {
    const model = lenet5();
    const golden = readGolden("./lenet5.golden.json", import.meta.url);
    const { inputs, targets, weights } = goldenBatch(model, golden);
    const copies = 3;
    const repeated = ({ dtype, shape: [rows = 0, ...rest], data }: Tensor): Tensor => {
      const elements = Array.from({ length: copies }, () =>
        Array.from<number | bigint>(data),
      ).flat();
      const shape = [rows * copies, ...rest];
      return dtype === "int64"
        ? tensor("int64", shape, BigInt64Array.from(elements, BigInt))
        : tensor("float32", shape, Float32Array.from(elements, Number));
    };
    const { loss, gradients } = await gradientsOf(model, goldenState(model), {
      inputs: repeated(inputs),
      targets: repeated(targets),
      weights: repeated(weights),
    });
    expect(Math.abs(loss / copies / golden.loss - 1)).toBeLessThan(1e-5);
    for (const [i, expected] of golden.gradients.entries()) {
      const { dtype, shape, data } = gradients[i]!;
      const mean = tensor(dtype, shape, (data as Float32Array).map((g) => g / copies) as never);
      expect(deviation(mean, expected), expected.name).toBeLessThan(1e-4);
    }
  });

  it.each([
    { name: "lenet5", model: lenet5({ seed: 3 }) },
    { name: "mlp", model: tanhMlp },
  ])("agrees with finite differences of its own loss ($name)", async ({ model }) => {
    const batch = goldenBatch(model, readGolden("./mlp.golden.json", import.meta.url));
    const step = trainingStep(model, { batchSize: 9 });
    const session = await openOnnx(step.onnx);
    const state = goldenState(model);
    const { gradients } = await gradientsOf(model, state, batch);
    // Along the gradient g the slope of the loss is |g|.
    const all = flat(gradients);
    const norm = Math.hypot(...all);
    const lossAt = async (length: number): Promise<number> => {
      const moved = goldenState(model);
      all.forEach((g, i) => {
        moved.parameters[i] = (state.parameters[i] ?? 0) + (length * g) / norm;
      });
      const results = await session.run({
        ...tensorsOf(moved),
        [step.inputs.x]: batch.inputs,
        [step.inputs.targets]: batch.targets,
        [step.inputs.weights]: batch.weights,
      });
      return Number(results[step.outputs.loss]!.data[0]);
    };
    const slope = ((await lossAt(0.01)) - (await lossAt(-0.01))) / 0.02;
    expect(Math.abs(slope / norm - 1)).toBeLessThan(5e-3);
  });

  it("adds up over shards of a batch, whatever their sizes", async () => {
    const model = lenet5({ seed: 1 });
    const golden = readGolden("./lenet5.golden.json", import.meta.url);
    const batch = goldenBatch(model, golden);
    const whole = await gradientsOf(model, model.state, batch);
    const shards = await Promise.all(
      [part(batch, 0, 1), part(batch, 1, 3), part(batch, 3, 6)].map((shard) =>
        gradientsOf(model, model.state, shard),
      ),
    );
    expect(shards.reduce((total, { loss }) => total + loss, 0)).toBeCloseTo(whole.loss, 4);
    const parts = shards.map(({ gradients }) => flat(gradients));
    flat(whole.gradients).forEach((value, i) => {
      const total = parts.reduce((sum, shard) => sum + shard[i]!, 0);
      expect(Math.abs(total - value)).toBeLessThan(1e-4);
    });
  });

  it("ignores samples of weight 0, whatever they hold", async () => {
    const golden = readGolden("./mlp.golden.json", import.meta.url);
    const batch = goldenBatch(tanhMlp, golden);
    const before = await gradientsOf(tanhMlp, tanhMlp.state, batch);
    // Sample 4 has weight 0.
    (batch.inputs.data as Float32Array).fill(9, 4 * 20, 5 * 20);
    expect(await gradientsOf(tanhMlp, tanhMlp.state, batch)).toEqual(before);
  });

  it("gives the same bytes for the same model", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), (batchSize) => {
        const bytes = trainingStep(lenet5(), { batchSize }).onnx;
        expect(bytes).toEqual(trainingStep(lenet5({ seed: 9 }), { batchSize }).onnx);
      }),
      { numRuns: 5, seed: 1 },
    );
  });

  it("does not compute the gradient of the input", () => {
    const operators = readOnnx(trainingStep(lenet5(), { batchSize: 2 }).onnx).nodes.map(
      (node) => node.operator,
    );
    expect(operators.filter((name) => name === "ConvTranspose")).toHaveLength(1);
  });

  it("gives zeros where nothing reaches the output, and copies shared gradients", async () => {
    // y = x + a + b with a spare c: ∂a and ∂b are one value.
    const base = mlp({ inputs: 3, hidden: [], outputs: 3 });
    const model: Model = {
      ...base,
      graph: {
        ...base.graph,
        nodes: [
          { name: "a", operator: "Add", inputs: ["input", "a"], outputs: ["t"], attributes: {} },
          { name: "b", operator: "Add", inputs: ["t", "b"], outputs: ["output"], attributes: {} },
        ],
        state: ["a", "b", "c"].map((name) => ({ name, dtype: "float32", shape: [3] })),
      },
      state: vectors(["a", "b", "c"]),
    };
    const { gradients } = await gradientsOf(model, model.state, {
      inputs: tensor("float32", [1, 3], Float32Array.of(0, 0, 0)),
      targets: tensor("int64", [1], BigInt64Array.of(0n)),
      weights: tensor("float32", [1], Float32Array.of(3)),
    });
    const expected = [-2, 1, 1];
    [expected, expected, [0, 0, 0]].forEach((values, i) => {
      values.forEach((value, k) => expect(gradients[i]!.data[k]).toBeCloseTo(value, 5));
    });
  });

  it("refuses models that it cannot train and batch sizes that are none", () => {
    expect(() => trainingStep(tanhMlp, { batchSize: 0 })).toThrow(RangeError);
    const images: Model = {
      ...tanhMlp,
      graph: {
        ...tanhMlp.graph,
        nodes: [
          {
            name: "i",
            operator: "Identity",
            inputs: ["input"],
            outputs: ["output"],
            attributes: {},
          },
        ],
        inputs: [{ name: "input", dtype: "float32", shape: [BATCH, 2, 2] }],
      },
    };
    expect(() => trainingStep(images, { batchSize: 2 })).toThrow(UntrainableModelError);
    const empty: Model = { ...tanhMlp, state: vectors([]) };
    expect(() => trainingStep(empty, { batchSize: 2 })).toThrow(UntrainableModelError);
  });

  it("has a loss that does not overflow for large logits", async () => {
    const model = mlp({ inputs: 2, hidden: [], outputs: 2 });
    model.state.parameters.set([1e4, 0, 0, 1e4, 0, 0]);
    const step = trainingStep(model, { batchSize: 1 });
    const results = await runOnnx(step.onnx, {
      ...tensorsOf(model.state),
      [step.inputs.x]: tensor("float32", [1, 2], Float32Array.of(1, 0)),
      [step.inputs.targets]: tensor("int64", [1], BigInt64Array.of(1n)),
      [step.inputs.weights]: tensor("float32", [1], Float32Array.of(1)),
    });
    expect(results[step.outputs.loss]!.data[0]).toBe(1e4);
  });
});
