import { create, toBinary } from "@bufbuild/protobuf";
import type { Tensor } from "@everfresh/core";
import type { Attributes, Dimension, ValueInfo } from "../graph/graph.ts";
import { attributeToProto } from "./attribute.ts";
import { elementTypeOf } from "./element-type.ts";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./schema.ts";
import { tensorToProto } from "./tensor-data.ts";

/** The operator set that all files are written for. */
const WRITTEN_OPSET = 21;

/** The operator set of every other domain. */
const OTHER_OPSET = 1n;

/** The file format version that came with {@link WRITTEN_OPSET}. */
const IR_VERSION = 10n;

/** The name of the batch dimension in files. */
const BATCH_NAME = "batch";

/** A graph as a file holds it, with whatever operators. */
export interface WritableGraph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Tensors whose values are part of the file. */
  readonly initialisers: Iterable<readonly [name: string, tensor: Tensor]>;
  /** Texts by name that describe the model to people and programs. @default none */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Tensors that are written as Constant nodes: a reader takes them for no weights. @default none */
  readonly constantNodes?: Iterable<readonly [name: string, tensor: Tensor]>;
  readonly nodes: readonly {
    readonly name: string;
    readonly operator: string;
    /** Who defines the operator; ONNX itself when absent. */
    readonly domain?: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    readonly attributes: Attributes;
  }[];
}

/** The ONNX file of a graph; equal graphs give equal bytes. */
export function writeOnnx(graph: WritableGraph): Uint8Array {
  const others = new Set(graph.nodes.flatMap(({ domain }) => (domain === undefined ? [] : domain)));
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "everfresh",
    opsetImport: [
      { domain: "", version: BigInt(WRITTEN_OPSET) },
      ...Array.from(others, (domain) => ({ domain, version: OTHER_OPSET })),
    ],
    metadataProps: Object.entries(graph.metadata ?? {}).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    ),
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: [
        ...Array.from(graph.constantNodes ?? [], ([name, tensor]) => constantToProto(name, tensor)),
        ...graph.nodes.map(nodeToProto),
      ],
      initializer: Array.from(graph.initialisers, ([name, tensor]) => tensorToProto(name, tensor)),
      input: graph.inputs.map(valueToProto),
      output: graph.outputs.map(valueToProto),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}

function constantToProto(name: string, tensor: Tensor): NodeProto {
  return create(NodeProtoSchema, {
    name,
    opType: "Constant",
    output: [name],
    attribute: [
      create(AttributeProtoSchema, {
        name: "value",
        type: AttributeProto_AttributeType.TENSOR,
        t: tensorToProto("", tensor),
      }),
    ],
  });
}

function nodeToProto(node: WritableGraph["nodes"][number]): NodeProto {
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.operator,
    ...(node.domain === undefined ? {} : { domain: node.domain }),
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, value]) =>
      attributeToProto(name, value),
    ),
  });
}

function valueToProto({ name, dtype, shape }: ValueInfo): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: { elemType: elementTypeOf(dtype), shape: { dim: shape.map(dimensionToProto) } },
      },
    },
  });
}

function dimensionToProto(size: Dimension): TensorShapeProto_Dimension {
  if (typeof size === "number") {
    return create(TensorShapeProto_DimensionSchema, {
      value: { case: "dimValue", value: BigInt(size) },
    });
  }
  const name = size.batches === 1 ? BATCH_NAME : `${BATCH_NAME}*${size.batches}`;
  return create(TensorShapeProto_DimensionSchema, { value: { case: "dimParam", value: name } });
}
