import { cloneState, createState, fingerprintOf, stateLayout } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { openInference } from "../sessions/open-inference.ts";
import { embeddingModel } from "./embedding-model.ts";
import { forwardMultiplications } from "./forward-cost.ts";
import { inferenceGraph } from "./inference-graph.ts";
import { lenet5 } from "./lenet5.ts";
import { lstmClassifier } from "./lstm-classifier.ts";
import { mlp } from "./mlp.ts";
import type { Model } from "./model.ts";

describe("an embedding of a model", () => {
  it("is what its last layer takes, with the states of the whole model", async () => {
    const model = mlp({ inputs: 3, hidden: [4], outputs: 2, seed: 7 });
    const part = embeddingModel(model);
    expect(part.output.shape).toEqual([4]);
    expect(part.state).toBe(model.state);
    const open = async (of: Model) =>
      openInference(
        inferenceGraph(of),
        { state: model.state, version: 0, fingerprint: fingerprintOf(model.state) },
        { mode: "patch" },
      );
    await using whole = await open(model);
    await using embedding = await open(part);
    const inputs = Float32Array.of(0.5, -1, 2);
    const hidden = (await embedding.predict(inputs, 1)).outputs;
    // The last layer, by hand: y = W h + b.
    const tensors = model.state.layout.tensors.slice(-2);
    const [weight, bias] = tensors.map(({ wordOffset, length }) =>
      model.state.parameters.subarray(wordOffset, wordOffset + length),
    );
    const expected = [0, 1].map((row) =>
      [...hidden].reduce(
        (sum, h, i) => sum + h * (weight?.[row * 4 + i] ?? NaN),
        bias?.[row] ?? NaN,
      ),
    );
    const { outputs } = await whole.predict(inputs, 1);
    expected.forEach((value, i) => expect(outputs[i]).toBeCloseTo(value, 5));
    // Another state of the whole model makes another embedding.
    const other = cloneState(model.state);
    other.parameters.fill(0);
    await embedding.replace({ state: other, version: 1, fingerprint: fingerprintOf(other) });
    expect([...(await embedding.predict(inputs, 1)).outputs]).toEqual([0, 0, 0, 0]);
  });

  it("is any value that is named, with the nodes that lead there alone", () => {
    const model = lenet5();
    const names = model.graph.nodes.map(({ outputs }) => outputs[0] ?? "");
    const early = embeddingModel(model, names[1]);
    expect(early.output.name).toBe(names[1]);
    expect(early.graph.nodes).toHaveLength(2);
    expect(embeddingModel(model).output.shape).toEqual([84]);
    expect(embeddingModel(model).graph.nodes).toHaveLength(names.length - 1);
  });

  it("refuses names that are none, with others, and values that are none of samples", () => {
    const model = lenet5();
    const refused = expect.objectContaining({ code: "EF_MODEL_LAYER" }) as Error;
    expect(() => embeddingModel(model, "relu4.outputs")).toThrow(refused);
    expect(() => embeddingModel(model, "relu4.outputs")).toThrow(/nearest are relu4\.output/);
    const layout = stateLayout([{ name: "w", role: "parameter", dtype: "float32", shape: [2] }]);
    const none: Model = {
      graph: { inputs: [], state: [], constants: new Map(), nodes: [], outputs: [] },
      state: createState(layout),
      input: { name: "x", shape: [1] },
      output: { name: "y", shape: [1] },
    };
    expect(() => embeddingModel(none)).toThrow(refused);
  });
});

describe("what a prediction takes", () => {
  it("is the products of its layers, and about one for each other number", () => {
    // 8 × 64 and 64 × 3, and the activations of 64 numbers.
    const small = forwardMultiplications(mlp({ inputs: 8, hidden: [64], outputs: 3 }));
    expect(small).toBeGreaterThanOrEqual(8 * 64 + 64 * 3);
    expect(small).toBeLessThanOrEqual(8 * 64 + 64 * 3 + 3 * 64);
    // Convolutions of 28 × 28 × 6 by 25 and 10 × 10 × 16 by 150, and 400 × 120 + 120 × 84 + 84 × 10.
    const products = 28 * 28 * 6 * 25 + 1_600 * 150 + 400 * 120 + 120 * 84 + 84 * 10;
    const lenet = forwardMultiplications(lenet5());
    expect(lenet).toBeGreaterThanOrEqual(products);
    expect(lenet).toBeLessThan(1.05 * products);
  });

  it("counts what is done for every step of a series", () => {
    const of = (length: number): number =>
      forwardMultiplications(lstmClassifier({ vocabulary: 20, length, hidden: 8, width: 4 }));
    expect(of(50) / of(5)).toBeGreaterThan(5);
  });
});
