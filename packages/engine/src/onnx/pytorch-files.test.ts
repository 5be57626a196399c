import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  deviation,
  goldenBatch,
  gradientsOf,
  readGolden,
  tensorsOf,
} from "../autodiff/golden.fixture.ts";
import { exportModel } from "../models/export-model.ts";
import { importModel } from "../models/import-model.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { runOnnx } from "./execution.fixture.ts";

// Written by bench/peers/golden_gradients.py: both exporters, dynamic and fixed batch.
const FILES = [
  "mlp-script",
  "lenet-script",
  "lenet-dynamo",
  "lenet-fixed-batch",
  "mixed-script",
  "mixed-dynamo",
  "operators-script",
  "operators-newer",
];

const fileBytes = (name: string): Uint8Array =>
  readFileSync(new URL(`./fixtures/${name}.golden.onnx`, import.meta.url));

describe.each(FILES)("the file %s that PyTorch exported", (name) => {
  const golden = readGolden(`./fixtures/${name}.golden.json`, import.meta.url);
  const model = importModel(fileBytes(name));
  const batch = goldenBatch(model, golden);

  it("has PyTorch's parameters", () => {
    // The older exporter stores the transposed weight of a Linear without bias under its own name.
    const known = new Map(golden.gradients.map((gradient) => [gradient.name, gradient.shape]));
    const { tensors } = model.state.layout;
    expect(tensors).toHaveLength(known.size);
    for (const { name: tensor, shape } of tensors) {
      if (!tensor.startsWith("onnx::MatMul")) expect(shape).toEqual(known.get(tensor));
    }
  });

  it("computes PyTorch's output, with weights inside or fed", async () => {
    const x = { [model.input.name]: batch.inputs };
    const fed = await runOnnx(inferenceGraph(model), { ...x, ...tensorsOf(model.state) });
    const plain = await runOnnx(exportModel(model), x);
    const logits = fed[model.output.name]!;
    expect(logits.shape).toEqual([golden.batchSize, golden.classes]);
    golden.output.forEach((value, i) => {
      expect(logits.data[i]).toBeCloseTo(value, 4);
      expect(plain[model.output.name]!.data[i]).toBeCloseTo(value, 4);
    });
  });

  it("computes PyTorch's loss and gradients", async () => {
    const { loss, gradients } = await gradientsOf(model, model.state, batch);
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-5);
    model.state.layout.tensors.forEach((tensor, i) => {
      const transposed = tensor.name.startsWith("onnx::MatMul");
      const expected = golden.gradients.find(
        (gradient) => gradient.name === (transposed ? "mix.weight" : tensor.name),
      )!;
      // Norm and sum do not change by transposing; single entries do.
      const comparable = transposed
        ? { ...expected, at: [0], values: [expected.values[0]!] }
        : expected;
      expect(deviation(gradients[i]!, comparable), tensor.name).toBeLessThan(1e-4);
    });
  });

  it("reads back equal after writing", () => {
    const again = importModel(exportModel(model));
    expect(again.graph).toEqual(model.graph);
    expect(again.state.layout).toEqual(model.state.layout);
    expect(again.state.parameters).toEqual(model.state.parameters);
  });
});
