import { create } from "@bufbuild/protobuf";
import {
  bytesPerElement,
  type DType,
  sizeOf,
  type Tensor,
  type TensorData,
  viewOf,
} from "@everfresh/core";
import { ExternalDataError, InvalidModelError, ModelDTypeError } from "../errors.ts";
import { dtypeOf, elementTypeName, elementTypeOf } from "./element-type.ts";
import {
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "./schema.ts";

/**
 * The tensor of a protobuf message: a view on its raw bytes where they are aligned, else a copy.
 * @throws ModelDTypeError for an element type that Everfresh does not compute with
 * @throws ExternalDataError when the elements lie in another file
 * @throws InvalidModelError when there are more or fewer elements than the shape says
 */
export function tensorFromProto(proto: TensorProto): Tensor {
  const dtype = dtypeOf(proto.dataType);
  if (dtype === null) {
    const actual = elementTypeName(proto.dataType);
    throw new ModelDTypeError(`Tensor "${proto.name}"`, actual, "float32, or integers for shapes");
  }
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const location = proto.externalData.find(({ key }) => key === "location")?.value ?? "";
    throw new ExternalDataError(proto.name, location);
  }
  const shape = proto.dims.map(Number);
  const data = proto.rawData.length > 0 ? rawView(dtype, proto) : typedData(dtype, proto);
  if (shape.some((size) => size < 0) || data.length !== sizeOf(shape)) {
    throw new InvalidModelError(
      `Tensor "${proto.name}" of shape [${shape.join(", ")}] holds ${data.length} elements; ` +
        "the file is damaged",
    );
  }
  return { dtype, shape, data };
}

/**
 * The tensor with its numbers as float32 where they are double: exporters write some constants so
 * that are computed with in float32.
 */
export function asFloat32(proto: TensorProto): TensorProto {
  if (proto.dataType !== (TensorProto_DataType.DOUBLE as number)) return proto;
  // Copied, because the bytes may lie anywhere.
  const raw = new Uint8Array(proto.rawData).buffer;
  if (raw.byteLength % Float64Array.BYTES_PER_ELEMENT !== 0) {
    throw new InvalidModelError(`A constant of doubles ends in the middle of one; file is damaged`);
  }
  const numbers = raw.byteLength > 0 ? new Float64Array(raw) : proto.doubleData;
  return create(TensorProtoSchema, {
    name: proto.name,
    dims: proto.dims,
    dataType: TensorProto_DataType.FLOAT,
    floatData: Array.from(numbers),
  });
}

/** The protobuf message of a tensor; it refers to the tensor's memory until it is serialised. */
export function tensorToProto(name: string, { dtype, shape, data }: Tensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: elementTypeOf(dtype),
    dims: shape.map(BigInt),
    rawData: ownBytes(data),
  });
}

/** ONNX stores little-endian elements, as every machine that runs Everfresh does. */
function rawView(dtype: DType, { name, rawData }: TensorProto): TensorData {
  const size = bytesPerElement(dtype);
  if (rawData.byteLength % size !== 0) {
    throw new InvalidModelError(
      `Tensor "${name}" ends in the middle of an element; the file is damaged`,
    );
  }
  // Not slice(): on Node's Buffer that would be a view again.
  const aligned = rawData.byteOffset % size === 0 ? rawData : new Uint8Array(rawData);
  return viewOf(dtype, aligned.buffer, aligned.byteOffset, rawData.byteLength / size);
}

function typedData(dtype: DType, proto: TensorProto): TensorData {
  switch (dtype) {
    case "float32":
      return Float32Array.from(proto.floatData);
    case "int64":
      return BigInt64Array.from(proto.int64Data);
    case "int32":
      return Int32Array.from(proto.int32Data);
    case "uint8":
    case "bool":
      return Uint8Array.from(proto.int32Data);
  }
}

/** Protobuf serialises only memory that is not shared between threads. */
function ownBytes(data: TensorData): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = data;
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength);
  return new Uint8Array(buffer, byteOffset, byteLength).slice();
}
