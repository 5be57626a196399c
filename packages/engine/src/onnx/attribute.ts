import { create } from "@bufbuild/protobuf";
import { UnsupportedOperatorError } from "../errors.ts";
import type { Attribute } from "../graph/graph.ts";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
} from "./schema.ts";

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
    default:
      throw new UnsupportedOperatorError(
        node.operator,
        node.name,
        `has attribute "${proto.name}" of a kind that Everfresh does not read`,
      );
  }
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
  }
}
