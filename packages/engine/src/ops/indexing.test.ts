import { Random, tensor, type Tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/golden.fixture.ts";
import { trainingStep } from "../autodiff/training-step.ts";
import { transformerEncoder } from "../models/transformer-encoder.ts";
import { openOnnx } from "../onnx/execution.fixture.ts";
import { readOnnx } from "../onnx/read.ts";
import { stateTensors } from "../sessions/predictor.ts";

const BATCH = 4;
const LENGTH = 12;
const VOCABULARY = 200; // more than a product with one-hot rows is used for

const model = transformerEncoder({
  ...{ vocabulary: VOCABULARY, length: LENGTH, width: 8, heads: 2, layers: 1, dropout: 0 },
  seed: 3,
});

/** Texts in which tokens come more than once. */
function batch(): { inputs: Tensor; targets: Tensor; weights: Tensor } {
  const random = new Random(5);
  const ids = Float32Array.from({ length: BATCH * LENGTH }, () => random.below(VOCABULARY / 10));
  return {
    inputs: tensor("float32", [BATCH, LENGTH], ids),
    targets: tensor(
      "int64",
      [BATCH],
      BigInt64Array.from({ length: BATCH }, (_, i) => BigInt(i % 2)),
    ),
    weights: tensor("float32", [BATCH], new Float32Array(BATCH).fill(1)),
  };
}

describe("the gradient of an embedding", () => {
  it("has the same bits from the operator that only one thread may use", async () => {
    const { inputs, targets, weights } = batch();
    const serial = trainingStep(model, { batchSize: BATCH, serial: true });
    const operators = readOnnx(serial.onnx).nodes.map(({ operator }) => operator);
    expect(operators).toContain("ScatterND");
    expect(operators).not.toContain("ScatterElements");
    const graph = await openOnnx(serial.onnx);
    const outputs = await graph.run({
      ...Object.fromEntries(stateTensors(model.state)),
      [serial.inputs.x]: inputs,
      [serial.inputs.targets]: targets,
      [serial.inputs.weights]: weights,
    });
    const { gradients } = await gradientsOf(model, model.state, { inputs, targets, weights });
    serial.outputs.gradients.forEach((name, i) => {
      expect(outputs[name]?.data, name).toEqual(gradients[i]?.data);
    });
  });

  it("is left to the slower operator where several threads may compute", () => {
    const { onnx } = trainingStep(model, { batchSize: BATCH });
    const operators = readOnnx(onnx).nodes.map(({ operator }) => operator);
    expect(operators).toContain("ScatterElements");
    expect(operators).not.toContain("ScatterND");
  });
});
