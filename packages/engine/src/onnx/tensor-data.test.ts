import { create } from "@bufbuild/protobuf";
import { tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { TensorProto_DataType, TensorProtoSchema } from "./schema.ts";
import { tensorFromProto, tensorToProto } from "./tensor-data.ts";

describe("tensors of ONNX files", () => {
  it("are views on the file where it is aligned, and copies where it is not", () => {
    const file = new ArrayBuffer(24);
    const proto = (offset: number) =>
      create(TensorProtoSchema, {
        dataType: TensorProto_DataType.FLOAT,
        dims: [2n],
        rawData: new Uint8Array(file, offset, 8),
      });
    expect(tensorFromProto(proto(4)).data.buffer).toBe(file);
    expect(tensorFromProto(proto(5)).data.buffer).not.toBe(file);
    // Node's Buffer has a slice() that does not copy.
    const buffer = Buffer.from(file, 5, 8);
    const copy = tensorFromProto({ ...proto(4), rawData: buffer });
    expect(copy.data.byteOffset).toBe(0);
  });

  it.each([
    tensor("float32", [2, 1], Float32Array.of(1.5, -0)),
    tensor("int64", [2], BigInt64Array.of(-1n, 2n ** 62n)),
    tensor("int32", [], Int32Array.of(-7)),
    tensor("bool", [3], Uint8Array.of(1, 0, 1)),
    tensor("float32", [0], new Float32Array()),
  ])("read back as they were written (%#)", (original) => {
    expect(tensorFromProto(tensorToProto("t", original))).toEqual(original);
  });

  it("are written from memory that threads share", () => {
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared.set([1, 2]);
    const { rawData } = tensorToProto("t", tensor("float32", [2], shared));
    expect(rawData.buffer).toBeInstanceOf(ArrayBuffer);
    expect(new Float32Array(rawData.buffer)).toEqual(Float32Array.of(1, 2));
  });
});
