import {
  cloneState,
  createState,
  dataOf,
  Random,
  type Shape,
  stateLayout,
  type StateTensorSpec,
  type Tensor,
  tensor,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { BATCH } from "../graph/dimension.ts";
import type { Attributes, GraphNode } from "../graph/graph.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { exportModel } from "./export-model.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import { importModel } from "./import-model.ts";
import type { Model } from "./model.ts";

const int = (value: number): Attributes[string] => ({ kind: "int", value });
const float = (value: number): Attributes[string] => ({ kind: "float", value });

interface LayerCase {
  readonly what: string;
  readonly operator: string;
  readonly attributes?: Attributes;
  readonly input: Shape;
  readonly weight: Shape;
  /** Null for a layer without one. */
  readonly bias: Shape | null;
  readonly channels: number;
  /** Shape of the output of one sample. */
  readonly output: Shape;
}

const CASES: readonly LayerCase[] = [
  {
    what: "a convolution with bias",
    operator: "Conv",
    input: [3, 5, 5],
    weight: [4, 3, 2, 2],
    bias: [4],
    channels: 4,
    output: [4, 4, 4],
  },
  {
    what: "a grouped convolution without bias",
    operator: "Conv",
    attributes: { group: int(2), pads: { kind: "ints", value: [1, 1] } },
    input: [4, 6],
    weight: [6, 2, 3],
    bias: null,
    channels: 6,
    output: [6, 6],
  },
  {
    what: "a grouped transposed convolution",
    operator: "ConvTranspose",
    attributes: { group: int(2) },
    input: [4, 3, 3],
    weight: [4, 3, 2, 2],
    bias: [6],
    channels: 6,
    output: [6, 4, 4],
  },
  {
    what: "a transposed convolution without bias",
    operator: "ConvTranspose",
    input: [2, 4],
    weight: [2, 5, 2],
    bias: null,
    channels: 5,
    output: [5, 5],
  },
  {
    what: "a linear layer as PyTorch writes it",
    operator: "Gemm",
    attributes: { transB: int(1) },
    input: [5],
    weight: [3, 5],
    bias: [3],
    channels: 3,
    output: [3],
  },
  {
    what: "a matrix product with factors and one bias for all",
    operator: "Gemm",
    attributes: { alpha: float(0.5), beta: float(-2) },
    input: [4],
    weight: [4, 3],
    bias: [1, 1],
    channels: 3,
    output: [3],
  },
];

describe("foldBatchNorm", () => {
  it.each(CASES)("gives $what the work of the normalisation after it", async (layer) => {
    const model = modelOf(layer);
    const folded = foldBatchNorm(model);
    expect(folded.graph.nodes.map(({ operator }) => operator)).toEqual([layer.operator]);
    expect(folded.state.layout.tensors.map(({ name }) => name)).toEqual([
      "layer.weight",
      "layer.bias",
    ]);
    await expectSameOutputs(model, folded, layer.input);
  });

  it("works on constants as on weights", async () => {
    const model = frozen(modelOf(CASES[1] as LayerCase));
    const folded = foldBatchNorm(model);
    expect(folded.state.layout.tensors).toEqual([]);
    expect([...folded.graph.constants.keys()]).toEqual(["layer.weight", "layer.bias"]);
    await expectSameOutputs(model, folded, [4, 6]);
  });

  it("folds one normalisation after the other", async () => {
    const model = withNode(modelOf(CASES[0] as LayerCase), {
      name: "again",
      operator: "BatchNormalization",
      inputs: ["y", "bn.mean", "bn.bias", "bn.weight", "bn.variance"],
      outputs: ["z"],
      attributes: {},
    });
    const folded = foldBatchNorm(model);
    expect(folded.graph.nodes).toHaveLength(1);
    await expectSameOutputs(model, folded, [3, 5, 5]);
  });

  it("leaves a bias that another layer uses to that layer", async () => {
    const model = withNode(modelOf(CASES[0] as LayerCase), {
      name: "other",
      operator: "Add",
      inputs: ["y", "layer.bias"],
      outputs: ["z"],
      attributes: {},
    });
    const folded = foldBatchNorm(model);
    expect(folded.graph.nodes.map(({ operator }) => operator)).toEqual(["Conv", "Add"]);
    expect(folded.graph.nodes[0]?.inputs[2]).toBe("layer.bias_1");
    await expectSameOutputs(model, folded, [3, 5, 5]);
  });

  it.each<[string, GraphNode]>([
    [
      "whose input something else uses too",
      { name: "n", operator: "Add", inputs: ["y", "hidden"], outputs: ["z"], attributes: {} },
    ],
    [
      "after a layer that shares its weight",
      {
        name: "n",
        operator: "Conv",
        inputs: ["y", "layer.weight"],
        outputs: ["z"],
        attributes: {},
      },
    ],
  ])("leaves a normalisation alone %s", (_what, node) => {
    const layer = { ...(CASES[0] as LayerCase), weight: [4, 4, 1, 1], input: [4, 4, 4] };
    const model = withNode(modelOf(layer), node);
    expect(foldBatchNorm(model)).toBe(model);
  });

  it("changes nothing in the model that it is given", () => {
    const model = modelOf(CASES[0] as LayerCase);
    const before = { nodes: structuredClone(model.graph.nodes), state: cloneState(model.state) };
    foldBatchNorm(model);
    expect({ nodes: model.graph.nodes, state: model.state }).toEqual(before);
  });

  it("gives a model that a file carries", () => {
    const folded = foldBatchNorm(modelOf(CASES[0] as LayerCase));
    const read = importModel(exportModel(folded));
    expect(read.state.layout).toEqual(folded.state.layout);
    expect(read.state.parameters).toEqual(folded.state.parameters);
  });
});

/** The layer and a batch normalisation, with random weights. */
function modelOf(layer: LayerCase): Model {
  const { operator, attributes = {}, input, weight, bias, channels, output } = layer;
  const specs: StateTensorSpec[] = [
    { name: "layer.weight", role: "parameter", dtype: "float32", shape: weight },
    ...(bias === null ? [] : [parameter("layer.bias", bias)]),
    parameter("bn.weight", [channels]),
    parameter("bn.bias", [channels]),
    { ...parameter("bn.mean", [channels]), role: "buffer" },
    { ...parameter("bn.variance", [channels]), role: "buffer" },
  ];
  const state = createState(stateLayout(specs));
  const random = new Random(5);
  for (const entry of state.layout.tensors) {
    const data = dataOf(state, entry);
    for (let i = 0; i < data.length; i++) {
      data[i] = entry.name === "bn.variance" ? random.uniform(0.1, 2) : random.normal();
    }
  }
  const nodes: readonly GraphNode[] = [
    {
      name: "layer",
      // As a string: a rule for the operator is not needed for this.
      operator: operator as GraphNode["operator"],
      inputs: ["x", "layer.weight", ...(bias === null ? [] : ["layer.bias"])],
      outputs: ["hidden"],
      attributes,
    },
    {
      name: "bn",
      operator: "BatchNormalization",
      inputs: ["hidden", "bn.weight", "bn.bias", "bn.mean", "bn.variance"],
      outputs: ["y"],
      attributes: { epsilon: float(0.01) },
    },
  ];
  return {
    graph: {
      inputs: [{ name: "x", dtype: "float32", shape: [BATCH, ...input] }],
      state: state.layout.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
      constants: new Map(),
      nodes,
      outputs: [{ name: "y", dtype: "float32", shape: [BATCH, ...output] }],
    },
    state,
    input: { name: "x", shape: input },
    output: { name: "y", shape: output },
  };
}

function parameter(name: string, shape: Shape): StateTensorSpec {
  return { name, role: "parameter", dtype: "float32", shape };
}

/** The model with one more node, whose output "z" has the shape of "y". */
function withNode(model: Model, node: GraphNode): Model {
  const { graph, output } = model;
  const outputs = graph.outputs.map((value) => ({ ...value, name: "z" }));
  return {
    ...model,
    graph: { ...graph, nodes: [...graph.nodes, node], outputs },
    output: { ...output, name: "z" },
  };
}

/** The model with all weights as constants. */
function frozen(model: Model): Model {
  const constants = new Map(
    model.state.layout.tensors.map(({ name, ...entry }): [string, Tensor] => {
      const data = dataOf(model.state, { name, ...entry });
      return [name, { dtype: entry.dtype, shape: entry.shape, data }];
    }),
  );
  return {
    ...model,
    graph: { ...model.graph, constants, state: [] },
    state: createState(stateLayout([])),
  };
}

async function expectSameOutputs(model: Model, folded: Model, input: Shape): Promise<void> {
  const random = new Random(6);
  const shape = [2, ...input];
  const length = shape.reduce((product, size) => product * size, 1);
  const x = tensor(
    "float32",
    shape,
    Float32Array.from({ length }, () => random.normal()),
  );
  const expected = Object.values(await runOnnx(exportModel(model), { x }))[0];
  const actual = Object.values(await runOnnx(exportModel(folded), { x }))[0];
  expect(actual?.shape).toEqual(expected?.shape);
  const values = Array.from(expected?.data ?? [], Number);
  Array.from(actual?.data ?? [], Number).forEach((value, i) => {
    expect(Math.abs(value - (values[i] ?? NaN))).toBeLessThan(2e-5 * (1 + Math.abs(value)));
  });
}
