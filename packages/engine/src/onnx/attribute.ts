import { create } from "@bufbuild/protobuf";
import { bytesPerElement, type Tensor, viewOf } from "@everfresh/core";
import { UnsupportedOperatorError } from "../errors.ts";
import type { Attribute, AttributeValues } from "../graph/graph.ts";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
} from "./schema.ts";
import { tensorFromProto, tensorToProto } from "./tensor-data.ts";

/** The attribute of a protobuf message; `node` is for the error message. */
export function attributeFromProto(
  proto: AttributeProto,
  node: { readonly operator: string; readonly name: string },
): Attribute {
  // As a number: what else ONNX may add is for the default branch.
  switch (proto.type as number) {
    case AttributeProto_AttributeType.INT:
      return { kind: "int", value: Number(proto.i) };
    case AttributeProto_AttributeType.FLOAT:
      return { kind: "float", value: proto.f };
    case AttributeProto_AttributeType.STRING:
      return { kind: "string", value: new TextDecoder().decode(proto.s) };
    case AttributeProto_AttributeType.INTS:
      return { kind: "ints", value: proto.ints.map(Number) };
    case AttributeProto_AttributeType.FLOATS:
      return { kind: "floats", value: proto.floats };
    case AttributeProto_AttributeType.STRINGS:
      return { kind: "strings", value: proto.strings.map((s) => new TextDecoder().decode(s)) };
    case AttributeProto_AttributeType.TENSOR: {
      const value = proto.t === undefined ? null : tensorFromProto(proto.t);
      if (value?.data.length !== 1) break;
      return { kind: "scalar", value: { dtype: value.dtype, value: Number(value.data[0]) } };
    }
    default:
  }
  throw new UnsupportedOperatorError(
    node.operator,
    node.name,
    `has attribute "${proto.name}" of a kind that Everfresh does not read`,
  );
}

/** The protobuf message of an attribute. */
export function attributeToProto(name: string, attribute: Attribute): AttributeProto {
  switch (attribute.kind) {
    case "int":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INT,
        i: BigInt(attribute.value),
      });
    case "float":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.FLOAT,
        f: attribute.value,
      });
    case "string":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.STRING,
        s: new TextEncoder().encode(attribute.value),
      });
    case "ints":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INTS,
        ints: attribute.value.map(BigInt),
      });
    case "floats":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.FLOATS,
        floats: [...attribute.value],
      });
    case "strings":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.STRINGS,
        strings: attribute.value.map((text) => new TextEncoder().encode(text)),
      });
    case "scalar":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.TENSOR,
        t: tensorToProto("", oneElement(attribute.value)),
      });
  }
}

function oneElement({ dtype, value }: AttributeValues["scalar"]): Tensor {
  const data = viewOf(dtype, new ArrayBuffer(bytesPerElement(dtype)), 0, 1);
  if (data instanceof BigInt64Array) data[0] = BigInt(value);
  else data[0] = value;
  return { dtype, shape: [1], data };
}
