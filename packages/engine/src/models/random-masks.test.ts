import { tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { trainingStep } from "../autodiff/training-step.ts";
import { UnsupportedOperatorError } from "../errors.ts";
import { BATCH } from "../graph/dimension.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { floats, int, smooth } from "../ops/case-source.fixture.ts";
import { exportModel } from "./export-model.ts";
import { importModel } from "./import-model.ts";

/** x · w, times [u < p] / q with a random number u for each sample, as PyTorch writes it. */
function file(p: number, q: number): Uint8Array {
  const node = (operator: string, inputs: string[], output: string, attributes = {}) => {
    return { name: output, operator, inputs, outputs: [output], attributes };
  };
  return writeOnnx({
    name: "file",
    inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 3] }],
    outputs: [{ name: "y", dtype: "float32", shape: [BATCH, 2] }],
    initialisers: [["w", smooth(1, [3, 2])]],
    constantNodes: [
      ["p", floats([p], [])],
      ["q", floats([q], [])],
      ["one", tensor("int64", [1], BigInt64Array.of(1n))],
    ],
    nodes: [
      node("Shape", ["x"], "batch", { end: int(1) }),
      node("Concat", ["batch", "one"], "shape", { axis: int(0) }),
      node("ConstantOfShape", ["shape"], "empty"),
      node("RandomUniformLike", ["empty"], "uniform"),
      node("CastLike", ["p", "uniform"], "same"),
      node("Less", ["uniform", "same"], "kept"),
      node("CastLike", ["kept", "empty"], "zeroOrOne"),
      node("Div", ["zeroOrOne", "q"], "mask"),
      node("MatMul", ["x", "w"], "product"),
      node("Mul", ["product", "mask"], "y"),
    ],
  });
}

describe("a random mask that an exporter wrote out", () => {
  it("is a Dropout: ones in inference, a mask for each sample in training", async () => {
    const model = importModel(file(0.8, 0.8));
    const operators = model.graph.nodes.map(({ operator }) => operator);
    expect(operators).toContain("Dropout");
    const x = smooth(2, [4, 3]);
    const { y } = await runOnnx(exportModel(model), { x });
    const plain = model.graph.nodes.find(({ operator }) => operator === "MatMul")!;
    const product = await runOnnx(
      writeOnnx({
        name: "product",
        inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 3] }],
        outputs: [{ name: "product", dtype: "float32", shape: [BATCH, 2] }],
        initialisers: [["w", smooth(1, [3, 2])]],
        nodes: [plain],
      }),
      { x },
    );
    expect(Array.from(y!.data, Number)).toEqual(Array.from(product["product"]!.data, Number));
    const { masks } = trainingStep(model, { batchSize: 4 }).inputs;
    expect(masks.map(({ shape, ratio }) => [shape, ratio.toFixed(6)])).toEqual([
      [[4, 1], "0.200000"],
    ]);
  });

  it("is refused where it scales by something else", () => {
    expect(() => importModel(file(0.8, 0.5))).toThrow(UnsupportedOperatorError);
    expect(() => importModel(file(0.8, 0.5))).toThrow(/RandomUniformLike.*"uniform"/);
  });
});
