import { describe, expect, it } from "vitest";
import { argmaxRows } from "./classify.ts";

describe("argmaxRows", () => {
  it("finds the largest value of each row, the first one where two are equal", () => {
    expect([...argmaxRows(Float32Array.of(1, 3, 2, -5, -6, -5, 0, 0, 1), 3)]).toEqual([1, 0, 2]);
  });

  it("gives −1 for a row without an answer", () => {
    expect([...argmaxRows(Float32Array.of(NaN, NaN, NaN, 1, -Infinity, NaN), 3)]).toEqual([
      -1, 1, -1,
    ]);
  });

  it("takes no rows", () => {
    expect([...argmaxRows(new Float32Array(0), 0)]).toEqual([]);
  });
});
