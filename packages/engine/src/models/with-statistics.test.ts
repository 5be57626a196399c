import {
  cloneState,
  createState,
  numeric,
  pipeline,
  preprocessorOf,
  ShapeError,
  stateBytes,
  stateLayout,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { InvalidModelError } from "../errors.ts";
import { PREPROCESSOR, ROWS, rowModel, rowsAt } from "../sessions/moving-statistics.fixture.ts";
import { exportModel } from "./export-model.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import { freeze } from "./freeze.ts";
import { importModel } from "./import-model.ts";
import { inferenceGraph } from "./inference-graph.ts";
import { mlp } from "./mlp.ts";
import {
  importPreprocessing,
  preprocessingIn,
  preprocessingMetadata,
} from "./preprocessing-metadata.ts";
import { replaceHead } from "./replace-head.ts";
import { resnet20 } from "./resnet20.ts";
import { withStatistics } from "./with-statistics.ts";

const bare = mlp({ inputs: 7, hidden: [5], outputs: 3, seed: 2 });
const observed = PREPROCESSOR.observe(PREPROCESSOR.initial(), rowsAt(4, 30));

describe("a model with statistics of its preprocessing", () => {
  it("keeps its own tensors where they were, and its graph", () => {
    const model = withStatistics(bare, PREPROCESSOR, observed);
    const own = bare.state.layout.tensors;
    expect(model.state.layout.tensors.slice(0, own.length)).toEqual(own);
    expect(stateBytes(model.state).subarray(0, bare.state.layout.byteLength)).toEqual(
      stateBytes(bare.state),
    );
    expect(PREPROCESSOR.statisticsIn(model.state)).toEqual(observed);
    expect(inferenceGraph(model)).toEqual(inferenceGraph(bare));
    expect(PREPROCESSOR.statisticsIn(rowModel().state)).toEqual(PREPROCESSOR.initial());
  });

  it("is the model itself where preprocessing learns nothing", () => {
    expect(withStatistics(bare, preprocessorOf(numeric(7)))).toBe(bare);
  });

  it("keeps them when it is frozen, gets another head, or is folded; no graph takes them", () => {
    const model = withStatistics(bare, PREPROCESSOR, observed);
    const changed = [freeze(model, ["*.bias"]), replaceHead(model, { outputs: 4, seed: 1 })];
    const normalised = withStatistics(resnet20({ seed: 1 }), PREPROCESSOR, observed);
    for (const each of [...changed, foldBatchNorm(normalised)]) {
      expect(PREPROCESSOR.statisticsIn(each.state)).toEqual(observed);
      expect(each.graph.state.filter(({ name }) => name.startsWith("preprocessing"))).toEqual([]);
    }
  });

  it("cannot have tensors of its own with such names, or statistics of another transform", () => {
    const state = createState(
      stateLayout([
        ...bare.state.layout.tensors,
        { name: "preprocessing.0.1.mean", role: "buffer", dtype: "float32", shape: [4] },
      ]),
    );
    expect(() => withStatistics({ ...bare, state }, PREPROCESSOR)).toThrow(/rename it/);
    expect(() => withStatistics({ ...bare, state }, preprocessorOf(numeric(7)))).toThrow(
      ShapeError,
    );
    expect(() => withStatistics(bare, PREPROCESSOR, observed.slice(1))).toThrow(ShapeError);
    const other = observed.map(() => new Float32Array(8));
    expect(() => withStatistics(bare, PREPROCESSOR, other)).toThrow(/of another transform/);
  });
});

describe("a model file", () => {
  it("keeps the pipeline and its statistics to the bit, beside a graph that does not know them", () => {
    const signs = observed.map((parts, i) => (i === 1 ? parts.map(() => -0) : parts));
    const model = withStatistics(bare, PREPROCESSOR, signs);
    const file = exportModel(model, model.state, {
      metadata: { name: "rows", ...preprocessingMetadata(ROWS, model.state) },
    });
    const again = importPreprocessing(file);
    expect(again?.preprocessor.spec).toEqual(ROWS);
    expect(again?.statistics.map(bitsOf)).toEqual(signs.map(bitsOf));
    const imported = importModel(file);
    expect(imported.state.layout).toEqual(bare.state.layout);
    if (again === null) throw new Error("unreachable");
    const restored = withStatistics(imported, again.preprocessor, again.statistics);
    expect(stateBytes(restored.state)).toEqual(stateBytes(model.state));
  });

  it("keeps preprocessing that learns nothing, and may have none", () => {
    const spec = numeric(7);
    const file = exportModel(bare, bare.state, {
      metadata: preprocessingMetadata(spec, bare.state),
    });
    expect(importPreprocessing(file)).toMatchObject({ preprocessor: { spec }, statistics: [] });
    expect(importPreprocessing(exportModel(bare))).toBeNull();
    expect(preprocessingIn({ name: "x" })).toBeNull();
  });

  it.each([
    ["no JSON", { preprocessing: "{" }],
    ["no transform", { preprocessing: '{"kind":"audio"}' }],
    ["a pipeline whose steps do not fit", { preprocessing: spoiled() }],
    ["statistics that are missing", { preprocessing: JSON.stringify(ROWS) }],
    ["statistics of other sizes", { preprocessing: JSON.stringify(ROWS), statistics: shortened() }],
  ])("says so when it has %s", (_, metadata) => {
    expect(() => preprocessingIn(metadata)).toThrow(InvalidModelError);
  });
});

function spoiled(): string {
  const { raw } = ROWS;
  return JSON.stringify(pipeline({ raw, branches: [{ columns: ["day"] }] }));
}

function shortened(): string {
  const { state } = withStatistics(bare, PREPROCESSOR, observed);
  const { statistics = "" } = preprocessingMetadata(ROWS, cloneState(state));
  return statistics.replace(/\[\[[^\]]*\]/, "[[]");
}

function bitsOf(values: Float32Array): readonly number[] {
  return [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
}
