import { describe, expect, it } from "vitest";
import { bytesPerElement, type DType, isDType, viewOf } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { sizeOf, tensor, zeros } from "./tensor.ts";

const DTYPES: readonly DType[] = ["float32", "int32", "int64", "uint8", "bool"];

describe("tensor", () => {
  it("keeps the data that it is given, without a copy", () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(tensor("float32", [2, 3], data).data).toBe(data);
    expect(tensor("float32", [], Float32Array.of(7)).data).toHaveLength(1);
    expect(tensor("int64", [0, 5], new BigInt64Array(0)).shape).toEqual([0, 5]);
  });

  it("refuses data of another size than the shape's", () => {
    expect(() => tensor("float32", [2, 3], new Float32Array(5))).toThrow(ShapeError);
    expect(() => tensor("float32", [2, 3], new Float32Array(5))).toThrow(
      "Tensor of shape [2, 3] needs 6 elements, got 5",
    );
    expect(() => tensor("uint8", [], new Uint8Array(0))).toThrow(ShapeError);
  });

  it("refuses sizes that are not whole numbers of 0 or more", () => {
    for (const size of [-1, 1.5, NaN, Infinity]) {
      expect(() => tensor("float32", [size], new Float32Array(1))).toThrow(ShapeError);
      expect(() => zeros("float32", [2, size])).toThrow(ShapeError);
    }
    // The product alone would be right.
    expect(() => tensor("float32", [-2, -3], new Float32Array(6))).toThrow(ShapeError);
  });

  it("makes zeros of every dtype", () => {
    for (const dtype of DTYPES) {
      const { data, shape } = zeros(dtype, [3, 2]);
      expect(data.byteLength).toBe(6 * bytesPerElement(dtype));
      expect(data.every((value: number | bigint) => Number(value) === 0)).toBe(true);
      expect(sizeOf(shape)).toBe(6);
    }
  });
});

describe("dtypes", () => {
  it("view memory without a copy", () => {
    const buffer = new ArrayBuffer(32);
    for (const dtype of DTYPES) {
      const view = viewOf(dtype, buffer, 8, 2);
      expect([view.buffer, view.byteOffset, view.length]).toEqual([buffer, 8, 2]);
      expect(view.byteLength).toBe(2 * bytesPerElement(dtype));
    }
  });

  it("are told from other names, those of every object included", () => {
    for (const dtype of DTYPES) expect(isDType(dtype)).toBe(true);
    for (const name of ["float64", "", "toString", "__proto__"]) expect(isDType(name)).toBe(false);
  });
});
