import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError, ValueRangeError } from "./errors.ts";
import { stateLayout } from "./state.ts";
import type { StateChange } from "./update.ts";
import { checkEntries, entryRuns } from "./update-values.ts";

const LAYOUT = stateLayout([
  { name: "a", role: "parameter", dtype: "float32", shape: [10] },
  { name: "none", role: "parameter", dtype: "float32", shape: [0, 4] },
  { name: "b", role: "parameter", dtype: "float32", shape: [3] },
  { name: "c", role: "parameter", dtype: "float32", shape: [100] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [3] },
]);

const INT8: StateChange = {
  valueType: "int8",
  indices: Uint32Array.of(0, 5, 50),
  values: Float32Array.of(0.5, -63.5, 0),
  scales: Float32Array.of(0.5),
  buffers: [],
};

const SIGN: StateChange = {
  valueType: "sign",
  indices: Uint32Array.of(0, 5, 50),
  values: Float32Array.of(0.25, -0.25, -2),
  scales: Float32Array.of(0.25, 2),
  buffers: [],
};

describe("entryRuns", () => {
  it("finds what a walk over all entries finds", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 112 })), (list) => {
        const indices = Uint32Array.from(list).sort();
        const expected = LAYOUT.tensors.flatMap(({ wordOffset, length }, tensor) => {
          const inside = [...indices.keys()].filter((at) => {
            const index = indices[at]!;
            return index >= wordOffset && index < wordOffset + length;
          });
          return inside.length === 0
            ? []
            : [{ tensor, from: inside[0]!, to: inside[inside.length - 1]! + 1 }];
        });
        expect(entryRuns(LAYOUT, indices)).toEqual(expected);
      }),
    );
  });
});

describe("checkEntries", () => {
  it.each([INT8, SIGN, { ...INT8, scales: Float32Array.of(2 ** -149), values: tiny() }])(
    "takes increments that are what their scales say (%#)",
    (change) => {
      expect(() => checkEntries(LAYOUT, change)).not.toThrow();
    },
  );

  it.each([
    ["an int8 that is no multiple", { ...INT8, values: Float32Array.of(0.5, 0.6, 0) }],
    ["an int8 beyond 127", { ...INT8, values: Float32Array.of(0.5, 64, 0) }],
    ["an int8 of −0", { ...INT8, values: Float32Array.of(0.5, 1, -0) }],
    ["a NaN", { ...INT8, values: Float32Array.of(0.5, 1, NaN) }],
    ["a negative scale", { ...INT8, scales: Float32Array.of(-0.5) }],
    ["a scale of −0", { ...INT8, scales: Float32Array.of(-0), values: new Float32Array(3) }],
    ["a scale that is infinite", { ...INT8, scales: Float32Array.of(Infinity) }],
    ["a value where the scale is 0", { ...INT8, scales: Float32Array.of(0) }],
    ["a product beyond float32", { ...INT8, ...huge() }],
    ["a sign with another mean", { ...SIGN, values: Float32Array.of(0.25, -0.25, 1) }],
    ["a sign of NaN", { ...SIGN, values: Float32Array.of(NaN, -0.25, 2) }],
    ["a mean of 0", { ...SIGN, scales: Float32Array.of(0, 2), values: Float32Array.of(0, 0, 2) }],
    ["a mean that is NaN", { ...SIGN, scales: Float32Array.of(NaN, 2) }],
  ] as const)("refuses %s", (_, change) => {
    expect(() => checkEntries(LAYOUT, change)).toThrow(ValueRangeError);
  });

  it.each([
    ["too few scales", { ...SIGN, scales: Float32Array.of(0.25) }],
    ["too many scales", { ...INT8, scales: Float32Array.of(0.5, 1) }],
    ["no scales", { ...INT8, scales: new Float32Array(0) }],
    ["scales of absolute values", { ...INT8, valueType: "float32" }],
    ["scales of xor words", { ...INT8, valueType: "float32Xor" }],
  ] as const)("refuses %s", (_, change) => {
    expect(() => checkEntries(LAYOUT, change)).toThrow(ShapeError);
  });
});

function tiny(): Float32Array {
  return Float32Array.of(2 ** -149, -127 * 2 ** -149, 0);
}

function huge(): Pick<StateChange, "scales" | "values"> {
  return { scales: Float32Array.of(3e38), values: Float32Array.of(3e38, Infinity, 0) };
}
