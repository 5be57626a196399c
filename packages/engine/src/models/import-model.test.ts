import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EverfreshError } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ExternalDataError,
  InvalidModelError,
  ModelDTypeError,
  ModelSignatureError,
  ShapeInferenceError,
  UnsupportedOperatorError,
  UnsupportedOpsetError,
} from "../errors.ts";
import { BATCH } from "../graph/dimension.ts";
import { inferTypes } from "../ops/type-inference.ts";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  ValueInfoProtoSchema,
} from "../onnx/schema.ts";
import { exportModel } from "./export-model.ts";
import { importModel } from "./import-model.ts";
import { lenet5 } from "./lenet5.ts";
import { mlp } from "./mlp.ts";

const small = mlp({ inputs: 4, hidden: [3], outputs: 2 });

/** The small model's file after a change to it. */
function changed(
  change: (model: ModelProto & { graph: NonNullable<ModelProto["graph"]> }) => void,
) {
  const proto = fromBinary(ModelProtoSchema, exportModel(small));
  const { graph } = proto;
  if (graph === undefined) throw new Error("no graph");
  change(Object.assign(proto, { graph }));
  return toBinary(ModelProtoSchema, proto);
}

const reading =
  (bytes: Uint8Array): (() => unknown) =>
  () =>
    importModel(bytes);

describe("importModel", () => {
  it.each([lenet5({ seed: 5 }), small])("reads what exportModel wrote", (model) => {
    const again = importModel(exportModel(model));
    expect(again.graph).toEqual(model.graph);
    expect(again.state).toEqual(model.state);
    expect(again.input).toEqual(model.input);
    expect(again.output).toEqual(model.output);
  });

  it("keeps a constant vector a constant, through writing and reading", () => {
    const scale = new Uint8Array(Float32Array.of(2, 3).buffer);
    const bytes = changed(({ graph }) => {
      const last = graph.node.at(-1)!;
      const output = graph.output[0]!.name;
      last.output[0] = "unscaled";
      const t = create(TensorProtoSchema, {
        dims: [2n],
        dataType: TensorProto_DataType.FLOAT,
        rawData: scale,
      });
      const value = { name: "value", type: AttributeProto_AttributeType.TENSOR, t };
      graph.node.push(
        create(NodeProtoSchema, { opType: "Constant", output: ["scale"], attribute: [value] }),
        create(NodeProtoSchema, { opType: "Mul", input: ["unscaled", "scale"], output: [output] }),
      );
    });
    const model = importModel(bytes);
    expect(model.state.layout).toEqual(small.state.layout);
    const again = importModel(exportModel(model));
    expect(again.graph).toEqual(model.graph);
    expect(again.state).toEqual(model.state);
  });

  it("reads from any place in memory, aligned or not", () => {
    const bytes = exportModel(small);
    for (const offset of [0, 1, 2, 3]) {
      const moved = new Uint8Array(bytes.length + offset).subarray(offset);
      moved.set(bytes);
      expect(importModel(moved).state.parameters).toEqual(small.state.parameters);
    }
  });

  it("reads weights that are lists of floats instead of raw bytes", () => {
    const bytes = changed(({ graph }) => {
      for (const weight of graph.initializer) {
        weight.floatData = Array.from(new Float32Array(new Uint8Array(weight.rawData).buffer));
        weight.rawData = new Uint8Array();
      }
    });
    expect(importModel(bytes).state.parameters).toEqual(small.state.parameters);
  });

  it("resolves Identity and Constant nodes and drops what the output does not need", () => {
    const bytes = changed(({ graph }) => {
      graph.node.unshift(
        create(NodeProtoSchema, { opType: "Identity", input: ["input"], output: ["same"] }),
        create(NodeProtoSchema, { opType: "Relu", input: ["input"], output: ["unused"] }),
        create(NodeProtoSchema, {
          opType: "Constant",
          output: ["two"],
          attribute: [
            create(AttributeProtoSchema, {
              name: "value_float",
              type: AttributeProto_AttributeType.FLOAT,
              f: 2,
            }),
          ],
        }),
        create(NodeProtoSchema, { opType: "Mul", input: ["same", "two"], output: ["twice"] }),
      );
      const gemm = graph.node.find(({ opType }) => opType === "Gemm");
      if (gemm !== undefined) gemm.input[0] = "twice";
    });
    const { graph } = importModel(bytes);
    expect(graph.nodes.map(({ operator }) => operator)).toEqual(["Mul", "Gemm", "Relu", "Gemm"]);
    expect(graph.nodes[0]?.inputs).toEqual(["input", "two"]);
    expect([...graph.constants.keys()]).toEqual(["two"]);
  });

  it.each([TensorProto_DataType.INT64, TensorProto_DataType.INT32])(
    "takes ids (element type %s) as float32, and casts them inside",
    (elemType) => {
      const bytes = changed(({ graph }) => {
        const type = graph.input[0]?.type?.value;
        if (type?.case === "tensorType") type.value.elemType = elemType;
        const to = { name: "to", type: AttributeProto_AttributeType.INT, i: 1n };
        const cast = { opType: "Cast", input: ["input"], output: ["floats"], attribute: [to] };
        graph.node.unshift(create(NodeProtoSchema, cast));
        const gemm = graph.node.find(({ opType }) => opType === "Gemm");
        if (gemm !== undefined) gemm.input[0] = "floats";
      });
      const { graph, input, state } = importModel(bytes);
      expect(input).toEqual(small.input);
      expect(graph.inputs).toEqual(small.graph.inputs);
      expect(state).toEqual(small.state);
      const [first] = graph.nodes;
      expect(first?.inputs).toEqual(["input"]);
      expect(first?.attributes["to"]).toEqual({ kind: "int", value: elemType });
    },
  );

  it("tells every shape for an open batch as for each batch size", () => {
    const { graph } = importModel(exportModel(lenet5()));
    const open = inferTypes(graph);
    expect(open.get("fc1.output")?.shape).toEqual([BATCH, 120]);
    expect(inferTypes(graph, 7).get("conv2.output")?.shape).toEqual([7, 16, 10, 10]);
  });
});

describe("importModel refuses", () => {
  it.each([
    ["text", new TextEncoder().encode("hello, this is not a model at all")],
    ["nothing", new Uint8Array()],
    ["random bytes", Uint8Array.from({ length: 300 }, (_, i) => (i * 7919) % 256)],
    ["half a file", exportModel(small).subarray(0, 200)],
  ])("%s", (_what, bytes) => {
    expect(reading(bytes)).toThrow(InvalidModelError);
  });

  it("an operator that has no rule, naming it and its node", () => {
    const bytes = changed(({ graph }) => {
      const relu = graph.node.find(({ opType }) => opType === "Relu");
      if (relu !== undefined) Object.assign(relu, { opType: "Det", name: "strange" });
    });
    expect(reading(bytes)).toThrow(UnsupportedOperatorError);
    expect(reading(bytes)).toThrow(/Det.*"strange"/);
  });

  it("operators of other domains", () => {
    const bytes = changed(({ graph }) => {
      for (const node of graph.node) node.domain = "com.example";
    });
    expect(reading(bytes)).toThrow(/com\.example\.Gemm/);
  });

  it.each([12n, 99n])("operator set %s", (version) => {
    const bytes = changed((model) => {
      for (const set of model.opsetImport) set.version = version;
    });
    expect(reading(bytes)).toThrow(UnsupportedOpsetError);
  });

  it("weights and inputs that are not float32", () => {
    const double = changed(({ graph }) => {
      for (const weight of graph.initializer) weight.dataType = TensorProto_DataType.DOUBLE;
    });
    expect(reading(double)).toThrow(ModelDTypeError);
    const integers = changed(({ graph }) => {
      const type = graph.input[0]?.type?.value;
      if (type?.case === "tensorType") type.value.elemType = TensorProto_DataType.INT8;
    });
    expect(reading(integers)).toThrow(/"input" is int8/);
  });

  it("weights in another file", () => {
    const bytes = changed(({ graph }) => {
      for (const weight of graph.initializer) {
        weight.dataLocation = TensorProto_DataLocation.EXTERNAL;
        weight.externalData = [
          create(StringStringEntryProtoSchema, { key: "location", value: "model.data" }),
        ];
      }
    });
    expect(reading(bytes)).toThrow(ExternalDataError);
    expect(reading(bytes)).toThrow(/model\.data/);
  });

  it("a weight that is shorter than its shape", () => {
    const bytes = changed(({ graph }) => {
      const [weight] = graph.initializer;
      if (weight !== undefined) weight.rawData = weight.rawData.subarray(4);
    });
    expect(reading(bytes)).toThrow(InvalidModelError);
  });

  it("a node whose inputs do not fit", () => {
    const bytes = changed(({ graph }) => {
      graph.initializer[0] = create(TensorProtoSchema, {
        name: graph.initializer[0]?.name ?? "",
        dataType: TensorProto_DataType.FLOAT,
        dims: [3n, 5n],
        floatData: Array.from({ length: 15 }, () => 0),
      });
    });
    expect(reading(bytes)).toThrow(ShapeInferenceError);
    expect(reading(bytes)).toThrow(/Gemm node "fc1".*\[batch, 4\].*\[3, 5\]/);
  });

  it("a value that no node makes", () => {
    const bytes = changed(({ graph }) => {
      const [gemm] = graph.node;
      if (gemm !== undefined) gemm.input[0] = "nowhere";
    });
    expect(reading(bytes)).toThrow(InvalidModelError);
  });

  it("damaged files with a typed error, if they do not read at all", () => {
    const bytes = exportModel(small);
    const flips = fc.array(fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(flips, (changes) => {
        const damaged = bytes.slice();
        for (const { at, value } of changes) damaged[at] = value;
        try {
          importModel(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(EverfreshError);
        }
      }),
      { numRuns: 2000, seed: Number(process.env["SEED"] ?? 1) },
    );
  });

  it("models without exactly one input and one output of one row per sample", () => {
    const twoInputs = changed(({ graph }) => {
      graph.input.push(create(ValueInfoProtoSchema, { name: "more" }));
    });
    expect(reading(twoInputs)).toThrow(ModelSignatureError);
    const noOutput = changed(({ graph }) => {
      graph.output = [];
    });
    expect(reading(noOutput)).toThrow(ModelSignatureError);
    const openFeatures = changed(({ graph }) => {
      const type = graph.input[0]?.type?.value;
      if (type?.case === "tensorType" && type.value.shape !== undefined) {
        type.value.shape.dim[1] = create(TensorShapeProto_DimensionSchema, {
          value: { case: "dimParam", value: "features" },
        });
      }
    });
    expect(reading(openFeatures)).toThrow(/features/);
  });
});
