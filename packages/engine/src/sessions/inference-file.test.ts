import { cloneState, ShapeError, tensorOf } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { InvalidModelError } from "../errors.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { lenet5 } from "../models/lenet5.ts";
import { mlp } from "../models/mlp.ts";
import { readOnnx } from "../onnx/read.ts";
import { InferenceFile } from "./inference-file.ts";

const model = lenet5({ seed: 1 });
const { layout } = model.state;

describe("InferenceFile", () => {
  it("makes the graph's file with the state's values inside, of whichever moment", () => {
    const onnx = inferenceGraph(model);
    const file = new InferenceFile(onnx, layout);
    const state = cloneState(model.state);
    for (const scale of [1, 2]) {
      state.parameters.set(model.state.parameters.map((value) => scale * value));
      const { inputs, nodes, outputs, initialisers } = readOnnx(file.of(state));
      expect(inputs.map(({ name }) => name)).toEqual([model.input.name]);
      for (const { name } of layout.tensors) {
        expect(initialisers.get(name)).toEqual(tensorOf(state, name));
      }
      const graph = readOnnx(onnx);
      expect({ nodes, outputs }).toEqual({ nodes: graph.nodes, outputs: graph.outputs });
    }
  });

  it("refuses a graph that lacks a tensor of the state, and what is no graph", () => {
    const other = inferenceGraph(mlp({ inputs: 4, hidden: [], outputs: 2 }));
    expect(() => new InferenceFile(other, layout)).toThrow(ShapeError);
    expect(() => new InferenceFile(other, layout)).toThrow(/conv1\.weight/);
    expect(() => new InferenceFile(new Uint8Array(), layout)).toThrow(InvalidModelError);
    expect(() => new InferenceFile(other.subarray(0, 40), layout)).toThrow(InvalidModelError);
  });
});
