import { sizeOf, type Tensor, tensorOf } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { trainingStep } from "../autodiff/training-step.ts";
import { ModelHeadError } from "../errors.ts";
import { BATCH } from "../graph/dimension.ts";
import type { Attributes } from "../graph/graph.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { int, integers, ints, smooth } from "../ops/case-source.fixture.ts";
import { exportModel } from "./export-model.ts";
import { freeze } from "./freeze.ts";
import { importModel } from "./import-model.ts";
import { lenet5 } from "./lenet5.ts";
import { mlp } from "./mlp.ts";
import type { Model } from "./model.ts";
import { replaceHead } from "./replace-head.ts";

interface FileNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly attributes?: Attributes;
}

/** A model over x [batch, ...shape] of nodes one after the other; "" is the output of the one before. */
function model(
  shape: readonly number[],
  nodes: readonly FileNode[],
  initialisers: Readonly<Record<string, Tensor>>,
): Model {
  const made = (i: number): string => (i === nodes.length - 1 ? "y" : `v${i}`);
  return importModel(
    writeOnnx({
      name: "file",
      inputs: [{ name: "x", dtype: "float32", shape: [BATCH, ...shape] }],
      outputs: [{ name: "y", dtype: "float32", shape: [BATCH, 4] }],
      initialisers: Object.entries(initialisers),
      nodes: nodes.map(({ operator, inputs, attributes = {} }, i) => ({
        name: `node${i}`,
        operator,
        inputs: inputs.map((name) => (name === "" ? (i === 0 ? "x" : made(i - 1)) : name)),
        outputs: [made(i)],
        attributes,
      })),
    }),
  );
}

const body = { "body.weight": smooth(1, [5, 3]) };
const relu = { operator: "Relu", inputs: [""] };
const hidden = { operator: "Gemm", inputs: ["", "body.weight"], attributes: { transB: int(1) } };
const conv = { operator: "Conv", inputs: ["", "c.weight", "c.bias"] };

const HEADS: readonly (readonly [string, Model, Record<string, readonly number[]>])[] = [
  ["Gemm", lenet5(), { "fc3.weight": [7, 84], "fc3.bias": [7] }],
  [
    "Gemm that does not transpose",
    model([3], [hidden, relu, { operator: "Gemm", inputs: ["", "w", "b"] }], {
      ...body,
      w: smooth(2, [5, 4]),
      b: smooth(3, [4]),
    }),
    { w: [5, 7], b: [7] },
  ],
  [
    "MatMul and Add",
    model(
      [3],
      [
        hidden,
        { operator: "MatMul", inputs: ["", "w"] },
        { operator: "Add", inputs: ["b", ""] },
        { operator: "LogSoftmax", inputs: [""] },
      ],
      { ...body, w: smooth(2, [5, 4]), b: smooth(3, [4]) },
    ),
    { w: [5, 7], b: [7] },
  ],
  [
    "MatMul of weights that a node transposes, and no bias",
    model(
      [3],
      [
        { operator: "Transpose", inputs: ["w"] },
        { ...hidden, inputs: ["x", "body.weight"] },
        { operator: "MatMul", inputs: ["", "v0"] },
      ],
      { ...body, w: smooth(2, [4, 5]) },
    ),
    { w: [7, 5] },
  ],
  [
    "convolution before pooling and reshaping",
    model(
      [3, 6, 6],
      [
        conv,
        relu,
        { operator: "GlobalAveragePool", inputs: [""] },
        { operator: "Reshape", inputs: ["", "shape"] },
      ],
      {
        "c.weight": smooth(1, [4, 3, 1, 1]),
        "c.bias": smooth(2, [4]),
        shape: integers([-1, 4]),
      },
    ),
    { "c.weight": [7, 3, 1, 1], "c.bias": [7] },
  ],
];

describe("replaceHead", () => {
  it.each(HEADS)("gives %s another number of outputs", async (_what, old, fresh) => {
    const tuned = replaceHead(old, { outputs: 7, seed: 9 });
    expect(tuned.output).toEqual({ name: old.output.name, shape: [7] });
    const names = old.state.layout.tensors.map(({ name }) => name);
    expect(tuned.state.layout.tensors.map(({ name }) => name)).toEqual(names);
    for (const name of names) {
      const [before, after] = [tensorOf(old.state, name), tensorOf(tuned.state, name)];
      if (fresh[name] === undefined) expect(after).toEqual(before);
      else expect(after.shape).toEqual(fresh[name]);
    }
    const x = smooth(4, [2, ...old.input.shape]);
    const outputs = await runOnnx(exportModel(tuned), { [old.input.name]: x });
    expect(outputs[old.output.name]?.shape).toEqual([2, 7]);
    expect(trainingStep(tuned, { batchSize: 2 }).outputs.gradients).toHaveLength(names.length);
    expect(importModel(exportModel(tuned)).output).toEqual(tuned.output);
  });

  it("draws PyTorch's default initial values, from the seed alone", () => {
    const [a, b, c] = [1, 1, 2].map((seed) => replaceHead(lenet5(), { outputs: 50, seed }));
    expect(a).toEqual(b);
    expect(c).not.toEqual(a);
    const bound = 1 / Math.sqrt(84);
    for (const name of ["fc3.weight", "fc3.bias"]) {
      const values = Array.from(tensorOf(a!.state, name).data, Number);
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
      expect(Math.max(...values)).toBeGreaterThan(0.8 * bound);
      expect(Math.min(...values)).toBeLessThan(-0.8 * bound);
    }
  });

  it.each(HEADS)("adds a bias to %s, or leaves it out, as asked", async (_what, old, fresh) => {
    const sizeWith = (wanted: boolean): number =>
      Object.values(fresh).reduce(
        (total, shape) => total + (shape.length > 1 ? sizeOf(shape) : 0),
        0,
      ) + (wanted ? 7 : 0);
    const rest = old.state.layout.tensors
      .filter(({ name }) => fresh[name] === undefined)
      .reduce((total, { length }) => total + length, 0);
    for (const bias of [true, false]) {
      const tuned = replaceHead(old, { outputs: 7, bias });
      expect(tuned.state.parameters.length - rest).toBe(sizeWith(bias));
      const x = smooth(4, [2, ...old.input.shape]);
      const outputs = await runOnnx(exportModel(tuned), { [old.input.name]: x });
      expect(outputs[old.output.name]?.shape).toEqual([2, 7]);
    }
  });

  it("trains the new layer even where the old one was frozen", () => {
    const tuned = replaceHead(freeze(lenet5(), ["*"]), { outputs: 2 });
    expect(tuned.state.layout.tensors.map(({ name }) => name)).toEqual(["fc3.weight", "fc3.bias"]);
  });

  it("refuses a model whose output comes from something else", () => {
    const scaled = model([3], [hidden, { operator: "Mul", inputs: ["", "s"] }], {
      ...body,
      s: smooth(2, [5]),
    });
    expect(() => replaceHead(scaled, { outputs: 2 })).toThrow(ModelHeadError);
    expect(() => replaceHead(scaled, { outputs: 2 })).toThrow(/Mul node "node1"/);
    const wide = model(
      [3, 6, 6],
      [
        { ...conv, attributes: { kernel_shape: ints([3, 3]) } },
        { operator: "Flatten", inputs: [""] },
      ],
      { "c.weight": smooth(1, [4, 3, 3, 3]), "c.bias": smooth(2, [4]) },
    );
    expect(() => replaceHead(wide, { outputs: 2 })).toThrow(/Conv node "node0"/);
  });

  it("refuses weights that are used elsewhere too, and numbers that are none", () => {
    const tied = model(
      [3],
      [
        { operator: "Gemm", inputs: ["", "w"] },
        { operator: "Gemm", inputs: ["", "w"] },
      ],
      { w: smooth(1, [3, 3]) },
    );
    expect(() => replaceHead(tied, { outputs: 2 })).toThrow(/"w".*elsewhere/);
    const small = mlp({ inputs: 3, hidden: [], outputs: 2 });
    for (const outputs of [0, -1, 1.5, NaN]) {
      expect(() => replaceHead(small, { outputs })).toThrow(RangeError);
    }
  });
});
