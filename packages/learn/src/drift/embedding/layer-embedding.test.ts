import { cloneState } from "@everfresh/core";
import { embeddingModel, mlp, openInference } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { LayerEmbedding, type OpenInference } from "./layer-embedding.ts";

const MODEL = mlp({ inputs: 3, hidden: [4], outputs: 2, seed: 7 });

describe("the embedding of a layer", () => {
  it("answers under the state that is asked for, also when several are asked at once", async () => {
    await using embedding = new LayerEmbedding(MODEL, { open: openInference });
    expect(embedding.length).toBe(4);
    const other = cloneState(MODEL.state);
    other.parameters.fill(0);
    const inputs = Float32Array.of(0.5, -1, 2);
    const first = await embedding.of(MODEL.state, inputs);
    expect(first.some((value) => value !== 0)).toBe(true);
    const asked = [MODEL.state, other, other, MODEL.state].map((state) =>
      embedding.of(state, inputs),
    );
    const zeros = new Float32Array(4);
    expect(await Promise.all(asked)).toEqual([first, zeros, zeros, first]);
  });

  it("starts its thread when it is first asked, once, and goes by the layer that is named", async () => {
    const opened: number[] = [];
    const open: OpenInference = (onnx, initial, options) => {
      opened.push(initial.version);
      return openInference(onnx, initial, options);
    };
    const name = embeddingModel(MODEL).graph.nodes[0]?.outputs[0];
    const embedding = new LayerEmbedding(MODEL, { layer: name, open });
    expect(opened).toEqual([]);
    const inputs = Float32Array.of(-2, 1, 0);
    const [before, again] = await Promise.all([
      embedding.of(MODEL.state, inputs),
      embedding.of(MODEL.state, inputs),
    ]);
    expect(before).toEqual(again);
    // Before the activation some are negative.
    expect(before.some((value) => value < 0)).toBe(true);
    expect(opened).toEqual([0]);
    await embedding[Symbol.asyncDispose]();
  });
});
