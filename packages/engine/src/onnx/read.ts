import { fromBinary } from "@bufbuild/protobuf";
import { type Tensor, tensor } from "@everfresh/core";
import { InvalidModelError, UnsupportedOpsetError, UnsupportedOperatorError } from "../errors.ts";
import type { Attribute, Attributes } from "../graph/graph.ts";
import { attributeFromProto } from "./attribute.ts";
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from "./schema.ts";
import { asFloat32, tensorFromProto } from "./tensor-data.ts";

/** The oldest operator set whose operators mean what the rules say (Softmax changed in 13). */
const OLDEST_OPSET = 13;

/** The newest operator set that ONNX Runtime 1.30 takes. */
const NEWEST_OPSET = 26;

/** An input or output as the file declares it. */
export interface DeclaredValue {
  readonly name: string;
  /** ONNX's number of the element type; 0 when the value is not a tensor. */
  readonly elementType: number;
  /** A name stands for a size that is open; null is an unknown number of dimensions. */
  readonly shape: readonly (number | string)[] | null;
}

/** A node as the file has it, before its operator is known to be supported. */
export interface DeclaredNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** The content of an ONNX file, unchanged but for Constant nodes, which become `constants`. */
export interface OnnxFile {
  readonly inputs: readonly DeclaredValue[];
  readonly outputs: readonly DeclaredValue[];
  readonly initialisers: ReadonlyMap<string, Tensor>;
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly DeclaredNode[];
}

/**
 * The texts by name that an ONNX file carries (`metadata_props`).
 * @throws InvalidModelError when the bytes are not an ONNX model
 */
export function readMetadata(bytes: Uint8Array): Readonly<Record<string, string>> {
  return Object.fromEntries(decode(bytes).metadataProps.map(({ key, value }) => [key, value]));
}

/**
 * Reads an ONNX file. Tensors are views on `bytes` where alignment allows.
 * @throws InvalidModelError when the bytes are not an ONNX model
 * @throws UnsupportedOpsetError, UnsupportedOperatorError, ModelDTypeError, ExternalDataError
 */
export function readOnnx(bytes: Uint8Array): OnnxFile {
  const graph = graphOf(decode(bytes));
  const initialisers = new Map<string, Tensor>();
  for (const proto of graph.initializer) initialisers.set(proto.name, tensorFromProto(proto));
  const constants = new Map<string, Tensor>();
  const nodes: DeclaredNode[] = [];
  const names = new Set<string>();
  graph.node.forEach((proto, position) => {
    const name = uniqueName(proto.name || `${proto.opType}_${position}`, names);
    if (proto.opType === "Constant" && proto.domain === "") {
      constants.set(proto.output[0] ?? "", constantOf(proto, name));
    } else {
      nodes.push(nodeFromProto(proto, name));
    }
  });
  return {
    inputs: graph.input
      .filter(({ name }) => !initialisers.has(name))
      .map((value) => declaredValue(value)),
    outputs: graph.output.map((value) => declaredValue(value)),
    initialisers,
    constants,
    nodes,
  };
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new InvalidModelError("This is not an ONNX model, or the file is damaged", error);
  }
}

function graphOf(model: ModelProto): GraphProto {
  if (model.graph === undefined || model.opsetImport.length === 0 || model.irVersion < 1n) {
    throw new InvalidModelError("This is not an ONNX model: it has no graph or no operator set");
  }
  const standard = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  const version = Number(standard?.version ?? 0n);
  if (version < OLDEST_OPSET || version > NEWEST_OPSET) {
    throw new UnsupportedOpsetError(version, OLDEST_OPSET, NEWEST_OPSET);
  }
  return model.graph;
}

function nodeFromProto(proto: NodeProto, name: string): DeclaredNode {
  const operator = proto.opType;
  if (proto.domain !== "" && proto.domain !== "ai.onnx") {
    throw new UnsupportedOperatorError(
      `${proto.domain}.${operator}`,
      name,
      "is not a standard ONNX operator",
    );
  }
  const attributes: Record<string, Attribute> = {};
  for (const attribute of proto.attribute) {
    attributes[attribute.name] = attributeFromProto(attribute, { operator, name });
  }
  return { name, operator, inputs: proto.input, outputs: proto.output, attributes };
}

function constantOf(proto: NodeProto, name: string): Tensor {
  const [attribute] = proto.attribute;
  if (attribute?.t !== undefined) return tensorFromProto(asFloat32(attribute.t));
  const value =
    attribute === undefined
      ? undefined
      : attributeFromProto(attribute, { operator: proto.opType, name });
  switch (value?.kind) {
    case "float":
      return { dtype: "float32", shape: [], data: Float32Array.of(value.value) };
    case "floats":
      return tensor("float32", [value.value.length], Float32Array.from(value.value));
    case "int":
      return { dtype: "int64", shape: [], data: BigInt64Array.of(attribute?.i ?? 0n) };
    case "ints":
      // Not through numbers: the largest int64, which stands for "to the end", is none.
      return tensor("int64", [value.value.length], BigInt64Array.from(attribute?.ints ?? []));
    case "scalar":
    case "string":
    case "strings":
    case undefined:
      throw new UnsupportedOperatorError(proto.opType, name, "does not hold numbers");
  }
}

function declaredValue(proto: ValueInfoProto): DeclaredValue {
  const type = proto.type?.value;
  if (type?.case !== "tensorType") return { name: proto.name, elementType: 0, shape: null };
  const { elemType, shape } = type.value;
  return {
    name: proto.name,
    elementType: elemType,
    shape:
      shape?.dim.map(({ value }) =>
        value.case === "dimValue" ? Number(value.value) : (value.value ?? "?"),
      ) ?? null,
  };
}

function uniqueName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  taken.add(name);
  return name;
}
