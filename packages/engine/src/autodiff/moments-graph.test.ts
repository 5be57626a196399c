import { describe, expect, it } from "vitest";
import { BATCH } from "../graph/dimension.ts";
import { importModel } from "../models/import-model.ts";
import type { Model } from "../models/model.ts";
import { openOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { booleans, floats } from "../ops/case-source.fixture.ts";
import { tensorsOf } from "./golden.fixture.ts";
import { momentsGraph } from "./moments-graph.ts";

/** Half of x is dropped in training; then it is normalised. */
function dropping(): Model {
  const always = { ...booleans(0, [1]), data: Uint8Array.of(1), shape: [] };
  return importModel(
    writeOnnx({
      name: "dropping",
      inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 2] }],
      outputs: [{ name: "y", dtype: "float32", shape: [BATCH, 2] }],
      initialisers: ["scale", "bias", "mean", "variance"].map((name) => [name, floats([1, 1])]),
      constantNodes: [
        ["ratio", floats([0.5], [])],
        ["training", always],
      ],
      nodes: [
        {
          name: "drop",
          operator: "Dropout",
          inputs: ["x", "ratio", "training"],
          outputs: ["kept"],
          attributes: {},
        },
        {
          name: "normalise",
          operator: "BatchNormalization",
          inputs: ["kept", "scale", "bias", "mean", "variance"],
          outputs: ["y"],
          attributes: {},
        },
      ],
    }),
  );
}

describe("the graph of a batch's statistics", () => {
  it("drops nothing and looks at the samples alone, whatever the running statistics are", async () => {
    const model = dropping();
    const { onnx, moments } = momentsGraph(model, { batchSize: 4 });
    const session = await openOnnx(onnx);
    const x = floats([1, 10, 2, 20, 3, 30, 6, 60], [4, 2]);
    const results = await session.run({ [model.input.name]: x, ...tensorsOf(model.state) });
    expect(moments).toMatchObject([{ runningMean: "mean", runningVariance: "variance" }]);
    const [{ mean, variance, elements }] = moments as [(typeof moments)[number]];
    expect(elements).toBe(4);
    expect([...results[mean]!.data]).toEqual([3, 30]);
    const [first, second] = Array.from(results[variance]!.data, Number);
    expect(first).toBeCloseTo(3.5, 5);
    expect(second).toBeCloseTo(350, 3);
  });

  it("is of a whole number of samples", () => {
    expect(() => momentsGraph(dropping(), { batchSize: 0 })).toThrow(RangeError);
  });
});
