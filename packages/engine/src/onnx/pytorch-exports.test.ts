import { readFileSync } from "node:fs";
import { sizeOf, tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { goldenBatch, gradientsOf, readGolden, tensorsOf } from "../autodiff/golden.fixture.ts";
import { exportModel } from "../models/export-model.ts";
import { importModel } from "../models/import-model.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { trainingNotes } from "../models/training-notes.ts";
import { runOnnx } from "./execution.fixture.ts";

// Written by bench/peers/golden_exports.py, exported for training with both exporters.
const FILES = [
  "causal-script",
  "causal-dynamo",
  "upsampling-script",
  "upsampling-dynamo",
  "series-script",
  "series-dynamo",
];

/** The script's number of different tokens. */
const VOCABULARY = 11;

interface Golden {
  readonly loss: number;
  readonly output: readonly number[];
  readonly gradients: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const fileBytes = (name: string): Uint8Array =>
  readFileSync(new URL(`./fixtures/${name}.golden.onnx`, import.meta.url));

describe.each(FILES)("the file %s that PyTorch exported for training", (name) => {
  const plain = readGolden(`./fixtures/${name}.golden.json`, import.meta.url);
  const golden = plain as unknown as Golden;
  const model = importModel(fileBytes(name));
  const waves = goldenBatch(model, plain);
  const numbers = Array.from(waves.inputs.data, Number);
  const ids = Float32Array.from(numbers, (x) => Math.floor(Math.abs(x) * VOCABULARY));
  const inputs = name.startsWith("causal")
    ? tensor("float32", waves.inputs.shape, ids)
    : waves.inputs;

  it("has PyTorch's parameters under their names, and nothing to note", () => {
    const known = new Map(golden.gradients.map((one) => [one.name, one.values.length]));
    const { tensors } = model.state.layout;
    expect(tensors.map((one) => one.name).toSorted()).toEqual([...known.keys()].toSorted());
    for (const one of tensors) expect(sizeOf(one.shape)).toBe(known.get(one.name));
    expect(trainingNotes(model)).toEqual([]);
  });

  it("computes PyTorch's output, with weights inside or fed", async () => {
    const x = { [model.input.name]: inputs };
    const fed = await runOnnx(inferenceGraph(model), { ...x, ...tensorsOf(model.state) });
    const inside = await runOnnx(exportModel(model), x);
    golden.output.forEach((value, i) => {
      expect(fed[model.output.name]!.data[i]).toBeCloseTo(value, 4);
      expect(inside[model.output.name]!.data[i]).toBeCloseTo(value, 4);
    });
  });

  it("computes PyTorch's loss and gradients", async () => {
    const { loss, gradients } = await gradientsOf(model, model.state, { ...waves, inputs });
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-5);
    const largest = Math.max(...golden.gradients.flatMap((one) => one.values.map(Math.abs)));
    model.state.layout.tensors.forEach((one, i) => {
      const expected = golden.gradients.find((gradient) => gradient.name === one.name)!.values;
      const actual = Array.from(gradients[i]!.data, Number);
      const difference = Math.max(...expected.map((v, k) => Math.abs(v - (actual[k] ?? NaN))));
      // A bias before softmax has no gradient at all, so relative to the largest of all.
      expect(difference / largest, one.name).toBeLessThan(1e-5);
    });
  });

  it("reads back equal after writing", () => {
    const again = importModel(exportModel(model));
    expect(again.graph).toEqual(model.graph);
    expect(again.state.parameters).toEqual(model.state.parameters);
  });
});
