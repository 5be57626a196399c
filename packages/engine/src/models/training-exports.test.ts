import { readFileSync } from "node:fs";
import { type Tensor, tensor, tensorOf } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { tensorsOf } from "../autodiff/golden.fixture.ts";
import { UnsupportedOperatorError } from "../errors.ts";
import { BATCH } from "../graph/dimension.ts";
import type { Attributes } from "../graph/graph.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { booleans, floats, int, smooth } from "../ops/case-source.fixture.ts";
import { exportModel } from "./export-model.ts";
import { importModel } from "./import-model.ts";
import { inferenceGraph } from "./inference-graph.ts";
import type { Model } from "./model.ts";

const fixture = new URL("../sessions/fixtures/batch-norm.golden.onnx", import.meta.url);
const STATISTICS = ["w", "b", "m", "v"];

interface FileNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Attributes;
}

/** A file with input "x" and output "y", both of [batch, 3]. */
function file(
  nodes: readonly FileNode[],
  initialisers: Readonly<Record<string, Tensor>>,
  constants: Readonly<Record<string, Tensor>> = {},
): Uint8Array {
  return writeOnnx({
    name: "file",
    inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 3] }],
    outputs: [{ name: "y", dtype: "float32", shape: [BATCH, 3] }],
    initialisers: Object.entries(initialisers),
    constantNodes: Object.entries(constants),
    nodes: nodes.map((node, i) => ({ attributes: {}, ...node, name: `node${i}` })),
  });
}

function roles({ state }: Model): string[] {
  return state.layout.tensors.map(({ name, role }) => `${name} ${role}`);
}

const ones = (): Tensor => tensor("float32", [3], new Float32Array(3).fill(1));
const zeros = (): Tensor => tensor("float32", [3], new Float32Array(3));
const flag = (value: number): Tensor => ({
  ...booleans(0, [1]),
  shape: [],
  data: Uint8Array.of(value),
});

describe("a file that was exported for training", () => {
  it("has its running statistics as buffers, after the parameters", () => {
    const model = importModel(readFileSync(fixture));
    expect(roles(model)).toEqual([
      ...["conv1.weight", "bn1.weight", "bn1.bias"].map((name) => `${name} parameter`),
      ...["conv2.weight", "conv2.bias", "bn2.weight", "bn2.bias"].map((n) => `${n} parameter`),
      ...["fc1.weight", "fc1.bias", "bn3.weight", "bn3.bias"].map((n) => `${n} parameter`),
      ...["fc2.weight", "fc2.bias"].map((name) => `${name} parameter`),
      ...["bn1", "bn2", "bn3"].flatMap((name) => [
        `${name}.running_mean buffer`,
        `${name}.running_var buffer`,
      ]),
    ]);
    for (const node of model.graph.nodes) {
      expect(node.outputs).toHaveLength(1);
      expect(node.attributes).not.toHaveProperty("training_mode");
    }
  });

  it("computes by its running statistics, with weights inside or fed, and reads back equal", async () => {
    const model = importModel(readFileSync(fixture));
    const x = { x: smooth(1, [3, 2, 8, 8]) };
    const fed = await runOnnx(inferenceGraph(model), { ...x, ...tensorsOf(model.state) });
    const plain = await runOnnx(exportModel(model), x);
    fed["logits"]!.data.forEach((value, i) => {
      expect(Number(plain["logits"]!.data[i])).toBeCloseTo(Number(value), 5);
    });
    const again = importModel(exportModel(model));
    expect(again.graph).toEqual(model.graph);
    expect(again.state.layout).toEqual(model.state.layout);
    expect(again.state.buffer).toEqual(model.state.buffer);
  });

  it("keeps the statistics of a normalisation without scale and bias", () => {
    const node = { operator: "BatchNormalization", inputs: ["x", ...STATISTICS], outputs: ["y"] };
    const statistics = { m: smooth(3, [3]), v: smooth(4, [3], 1.5) };
    const model = importModel(file([node], statistics, { w: ones(), b: zeros() }));
    expect(roles(model)).toEqual(["m buffer", "v buffer"]);
  });

  it("has tensors of its own where fresh ones were written as copies of each other", () => {
    const model = importModel(
      file(
        [
          { operator: "Identity", inputs: ["w"], outputs: ["v"] },
          { operator: "Identity", inputs: ["b"], outputs: ["m"] },
          { operator: "Identity", inputs: ["shared"], outputs: ["alias"] },
          { operator: "BatchNormalization", inputs: ["x", ...STATISTICS], outputs: ["z"] },
          { operator: "Mul", inputs: ["z", "shared"], outputs: ["scaled"] },
          { operator: "Mul", inputs: ["scaled", "alias"], outputs: ["y"] },
        ],
        { w: ones(), b: zeros(), shared: smooth(5, [3]) },
      ),
    );
    expect(roles(model)).toEqual([
      "w parameter",
      "b parameter",
      "shared parameter",
      "v buffer",
      "m buffer",
    ]);
    expect(tensorOf(model.state, "v").data).toEqual(ones().data);
    expect(tensorOf(model.state, "m").data).toEqual(zeros().data);
  });

  it("may name outputs that nothing reads, and no others", () => {
    const node = {
      operator: "BatchNormalization",
      inputs: ["x", ...STATISTICS],
      outputs: ["z", "newMean", "newVariance"],
      attributes: { training_mode: int(1) },
    };
    const initialisers = { w: ones(), b: ones(), m: smooth(1, [3]), v: smooth(2, [3], 2) };
    const copied = { operator: "Tanh", inputs: ["z"], outputs: ["y"] };
    expect(importModel(file([node, copied], initialisers)).graph.nodes[0]?.outputs).toEqual(["z"]);
    const reading = { operator: "Add", inputs: ["z", "newMean"], outputs: ["y"] };
    expect(() => importModel(file([node, reading], initialisers))).toThrow(
      UnsupportedOperatorError,
    );
  });

  it.each([
    { what: "a ratio", inputs: ["ratio"], kept: ["z", "ratio"] },
    { what: "a ratio and the mode", inputs: ["ratio", "yes"], kept: ["z", "ratio"] },
    { what: "nothing", inputs: [], kept: ["z"] },
    { what: "no mode", inputs: ["ratio", "no"], kept: null },
    { what: "ratio 0", inputs: ["never", "yes"], kept: null },
  ])("keeps Dropout with $what where it drops", ({ inputs, kept }) => {
    const model = importModel(
      file(
        [
          { operator: "Mul", inputs: ["x", "w"], outputs: ["z"] },
          { operator: "Dropout", inputs: ["z", ...inputs], outputs: ["d", "mask"] },
          { operator: "Tanh", inputs: ["d"], outputs: ["y"] },
        ],
        { w: smooth(1, [3]) },
        { ratio: floats([0.25], []), never: floats([0], []), yes: flag(1), no: flag(0) },
      ),
    );
    const dropout = model.graph.nodes.find(({ operator }) => operator === "Dropout");
    expect(dropout?.inputs ?? null).toEqual(kept);
  });
});
