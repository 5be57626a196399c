import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { trainingStep } from "../autodiff/training-step.ts";
import { BATCH } from "../graph/dimension.ts";
import type { Attributes } from "../graph/graph.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { ModelProtoSchema } from "../onnx/schema.ts";
import { writeOnnx } from "../onnx/write.ts";
import { float, int, smooth } from "../ops/case-source.fixture.ts";
import { DECOMPOSED_OPERATORS } from "./decompositions.ts";
import { exportModel } from "./export-model.ts";
import { importModel } from "./import-model.ts";

interface Use {
  readonly operator: string;
  readonly inputs?: readonly string[];
  readonly attributes?: Attributes;
  readonly opset?: number;
}

const WEIGHTS: Readonly<Record<string, Tensor>> = { w: smooth(1, [3, 5]), s: smooth(2, [5], 1) };

/** y = the operator of x · w. */
function file({ operator, inputs = [], attributes = {}, opset = 21 }: Use): Uint8Array {
  const bytes = writeOnnx({
    name: "file",
    inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 3] }],
    outputs: [{ name: "y", dtype: "float32", shape: [BATCH, 5] }],
    initialisers: Object.entries(WEIGHTS),
    nodes: [
      { name: "dense", operator: "MatMul", inputs: ["x", "w"], outputs: ["v"], attributes: {} },
      { name: "node", operator, inputs: ["v", ...inputs], outputs: ["y"], attributes },
    ],
  });
  const proto = fromBinary(ModelProtoSchema, bytes);
  for (const set of proto.opsetImport) set.version = BigInt(opset);
  return toBinary(ModelProtoSchema, proto);
}

const USES: readonly Use[] = [
  { operator: "Celu", attributes: { alpha: float(0.7) } },
  { operator: "Mean", inputs: ["s", "v"] },
  { operator: "RMSNormalization", inputs: ["s"], attributes: { epsilon: float(0.1) }, opset: 23 },
  { operator: "RMSNormalization", inputs: ["s"], attributes: { axis: int(1) }, opset: 23 },
  { operator: "Shrink", attributes: { lambd: float(0.3), bias: float(0.2) } },
  { operator: "SimplifiedLayerNormalization", inputs: ["s"], attributes: { axis: int(-1) } },
  { operator: "Sum", inputs: ["s", "v"] },
  { operator: "Sum" },
  { operator: "Swish", attributes: { alpha: float(1.5) }, opset: 24 },
  { operator: "ThresholdedRelu", attributes: { alpha: float(0.2) } },
];

describe("an operator that is read as several others", () => {
  it.each(USES)("computes the same: $operator $inputs", async (use) => {
    const bytes = file(use);
    const model = importModel(bytes);
    const x = smooth(3, [4, 3]);
    const [actual, expected] = [
      (await runOnnx(exportModel(model), { x }))["y"]!,
      (await runOnnx(bytes, { x }))["y"]!,
    ];
    expect(actual.shape).toEqual(expected.shape);
    Array.from(expected.data, Number).forEach((value, i) => {
      expect(actual.data[i]).toBeCloseTo(value, 5);
    });
    expect(trainingStep(model, { batchSize: 4 }).outputs.gradients.length).toBeGreaterThan(0);
  });

  it("is tested", () => {
    expect([...new Set(USES.map(({ operator }) => operator))]).toEqual(DECOMPOSED_OPERATORS);
  });
});
