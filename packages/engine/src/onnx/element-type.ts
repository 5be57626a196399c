import type { DType } from "@everfresh/core";
import { TensorProto_DataType } from "./schema.ts";

const ELEMENT_TYPES: { readonly [D in DType]: TensorProto_DataType } = {
  float32: TensorProto_DataType.FLOAT,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
};

/** ONNX's number of a dtype. */
export function elementTypeOf(dtype: DType): TensorProto_DataType {
  return ELEMENT_TYPES[dtype];
}

/** The dtype of an ONNX number, or null for one that Everfresh does not compute with. */
export function dtypeOf(elementType: number): DType | null {
  const names: readonly DType[] = ["float32", "int32", "int64", "uint8", "bool"];
  return names.find((name) => ELEMENT_TYPES[name] === elementType) ?? null;
}

/** ONNX's name of an element type, for people. */
export function elementTypeName(elementType: number): string {
  const entry = Object.entries(TensorProto_DataType).find(([, value]) => value === elementType);
  return entry === undefined ? `element type ${elementType}` : entry[0].toLowerCase();
}
