import { describe, expect, it } from "vitest";
import { BATCH } from "../graph/dimension.ts";
import { writeOnnx } from "../onnx/write.ts";
import { smooth } from "../ops/case-source.fixture.ts";
import { importModel } from "./import-model.ts";
import { lenet5 } from "./lenet5.ts";
import { resnet20 } from "./resnet20.ts";
import { trainingNotes } from "./training-notes.ts";

/** Two convolutions whose weights and biases have these names. */
function file(names: readonly (readonly [weight: string, bias?: string])[]): Uint8Array {
  return writeOnnx({
    name: "file",
    inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 2, 5, 5] }],
    outputs: [{ name: `y${names.length}`, dtype: "float32", shape: [BATCH, 2, 5, 5] }],
    initialisers: names.flatMap(([weight, bias]) => [
      [weight, smooth(1, [2, 2, 1, 1])] as const,
      ...(bias === undefined ? [] : [[bias, smooth(2, [2])] as const]),
    ]),
    nodes: names.map((inputs, i) => ({
      name: `conv${i}`,
      operator: "Conv",
      inputs: [i === 0 ? "x" : `y${i}`, ...inputs.filter((name) => name !== undefined)],
      outputs: [`y${i + 1}`],
      attributes: {},
    })),
  });
}

describe("trainingNotes", () => {
  it("says how to export where PyTorch folded BatchNormalization away", () => {
    const folded = [
      file([
        ["onnx::Conv_193", "onnx::Conv_194"],
        ["c.weight", "c.bias"],
      ]),
      file([
        ["a.weight", "a.weight_bias"],
        ["b.weight", "b.weight_bias"],
      ]),
      file([["a.weight"], ["b.weight"]]),
    ];
    for (const bytes of folded) {
      const [note, ...others] = trainingNotes(importModel(bytes));
      expect(note).toMatch(/folded BatchNormalization.*optimize=False.*TrainingMode\.TRAINING/);
      expect(others).toEqual([]);
    }
  });

  it("says nothing of models as they should be", () => {
    expect(trainingNotes(lenet5())).toEqual([]);
    expect(trainingNotes(resnet20())).toEqual([]);
    const plain = file([
      ["a.weight", "a.bias"],
      ["b.weight", "b.bias"],
    ]);
    expect(trainingNotes(importModel(plain))).toEqual([]);
  });
});
