import { tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { tensorsOf } from "../autodiff/golden.fixture.ts";
import { openOnnx } from "../onnx/execution.fixture.ts";
import { exportModel } from "./export-model.ts";
import { inferenceGraph } from "./inference-graph.ts";
import { lenet5 } from "./lenet5.ts";
import { mlp, type MlpOptions } from "./mlp.ts";

describe("lenet5", () => {
  it("has 61,706 parameters under PyTorch's names", () => {
    const { layout } = lenet5().state;
    expect(layout.parameterCount).toBe(61_706);
    expect(layout.tensors.map(({ name, shape }) => `${name} ${shape.join("x")}`)).toEqual([
      "conv1.weight 6x1x5x5",
      "conv1.bias 6",
      "conv2.weight 16x6x5x5",
      "conv2.bias 16",
      "fc1.weight 120x400",
      "fc1.bias 120",
      "fc2.weight 84x120",
      "fc2.bias 84",
      "fc3.weight 10x84",
      "fc3.bias 10",
    ]);
  });

  it("starts uniform within one over the root of the fan-in, as PyTorch does", () => {
    const { state } = lenet5({ seed: 4 });
    const start = state.layout.tensors.find(({ name }) => name === "fc1.weight")!.wordOffset;
    const weights = state.parameters.subarray(start, start + 48_000);
    const variance = weights.reduce((total, w) => total + w * w, 0) / weights.length;
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(1 / 20);
    expect(variance).toBeCloseTo(1 / 400 / 3, 5);
  });

  it("is a function of its seed", () => {
    expect(lenet5({ seed: 1 }).state.parameters).toEqual(lenet5({ seed: 1 }).state.parameters);
    expect(lenet5({ seed: 1 }).state.parameters).not.toEqual(lenet5({ seed: 2 }).state.parameters);
  });
});

describe("mlp", () => {
  it("can be a linear classifier", () => {
    const { graph, output } = mlp({ inputs: 5, hidden: [], outputs: 3 });
    expect(graph.nodes.map(({ operator }) => operator)).toEqual(["Gemm"]);
    expect(output).toEqual({ name: "output", shape: [3] });
  });

  it("refuses sizes that are not whole numbers of 1 or more", () => {
    expect(() => mlp({ inputs: 0, hidden: [], outputs: 3 })).toThrow(RangeError);
    expect(() => mlp({ inputs: 2, hidden: [1.5], outputs: 3 })).toThrow(RangeError);
    // As from a configuration in plain JavaScript.
    const lacking = { inputs: 2, outputs: 3 } as MlpOptions;
    expect(() => mlp(lacking)).toThrow("hidden takes whole numbers of 1 or more");
  });
});

describe("exportModel and inferenceGraph", () => {
  it.each([1, 3])("compute the same for a batch of %i", async (size) => {
    const model = lenet5({ seed: 2 });
    const shape = [size, ...model.input.shape];
    const data = Float32Array.from({ length: size * 784 }, (_, i) => Math.sin(i));
    const x = { [model.input.name]: tensor("float32", shape, data) };
    const plain = await (await openOnnx(exportModel(model))).run(x);
    const fed = await (
      await openOnnx(inferenceGraph(model))
    ).run({ ...x, ...tensorsOf(model.state) });
    const expected = plain[model.output.name]!;
    const logits = fed[model.output.name]!;
    expect(expected.shape).toEqual([size, 10]);
    // Constant weights are packed differently, so the last bits may differ.
    logits.data.forEach((value, i) => expect(value).toBeCloseTo(Number(expected.data[i]), 5));
  });

  it("writes the state that it is given", () => {
    const model = mlp({ inputs: 2, hidden: [], outputs: 2 });
    const other = mlp({ inputs: 2, hidden: [], outputs: 2, seed: 1 });
    expect(exportModel(model, other.state)).toEqual(exportModel(other));
  });
});
