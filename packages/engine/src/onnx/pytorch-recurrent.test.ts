import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { goldenBatch, gradientsOf, readGolden, tensorsOf } from "../autodiff/golden.fixture.ts";
import { exportModel } from "../models/export-model.ts";
import { importModel } from "../models/import-model.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { runOnnx } from "./execution.fixture.ts";

// Written by bench/peers/golden_recurrent.py: both exporters, dynamic and fixed batch.
const FILES = [
  "lstm-script",
  "lstm-fixed-batch",
  "lstm-dynamo",
  "gru-script",
  "gru-fixed-batch",
  "gru-dynamo",
];

/** Gradients of W, R and B of every layer, and of the weight of the head. */
interface Golden {
  readonly batchSize: number;
  readonly classes: number;
  readonly loss: number;
  readonly output: readonly number[];
  readonly layers: readonly (readonly (readonly number[])[])[];
  readonly head: readonly number[];
}

const fileBytes = (name: string): Uint8Array =>
  readFileSync(new URL(`./fixtures/${name}.golden.onnx`, import.meta.url));

describe.each(FILES)("the file %s that PyTorch exported", (name) => {
  const kind = name.slice(0, name.indexOf("-"));
  const plain = readGolden(`./fixtures/${kind}.golden.json`, import.meta.url);
  const golden = plain as unknown as Golden;
  const model = importModel(fileBytes(name));
  const batch = goldenBatch(model, plain);
  const layers = model.graph.nodes.filter(({ operator }) => ["LSTM", "GRU"].includes(operator));

  it("has the weights of two layers and a head, and nothing else to train", () => {
    expect(layers).toHaveLength(2);
    expect(model.state.layout.tensors).toHaveLength(8);
  });

  it("computes PyTorch's output, with weights inside or fed", async () => {
    const x = { [model.input.name]: batch.inputs };
    const fed = await runOnnx(inferenceGraph(model), { ...x, ...tensorsOf(model.state) });
    const inside = await runOnnx(exportModel(model), x);
    golden.output.forEach((value, i) => {
      expect(fed[model.output.name]!.data[i]).toBeCloseTo(value, 5);
      expect(inside[model.output.name]!.data[i]).toBeCloseTo(value, 5);
    });
  });

  it("computes PyTorch's loss and gradients", async () => {
    const { loss, gradients } = await gradientsOf(model, model.state, batch);
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-5);
    const close = (tensor: string, expected: readonly number[]): void => {
      const at = model.state.layout.tensors.findIndex((one) => one.name === tensor);
      const actual = Array.from(gradients[at]!.data, Number);
      const norm = Math.hypot(...expected);
      const difference = Math.hypot(...expected.map((value, i) => value - (actual[i] ?? NaN)));
      expect(difference / norm, tensor).toBeLessThan(1e-5);
    };
    layers.forEach(({ inputs }, layer) => {
      golden.layers[layer]!.forEach((expected, i) => {
        close(inputs[i + 1]!, expected);
      });
    });
    close("head.weight", golden.head);
  });

  it("reads back equal after writing", () => {
    const again = importModel(exportModel(model));
    expect(again.graph).toEqual(model.graph);
    expect(again.state.parameters).toEqual(model.state.parameters);
  });
});
