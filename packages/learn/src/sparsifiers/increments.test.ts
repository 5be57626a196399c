import { checkEntries, stateLayout } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { incrementsOf } from "./increments.ts";

const LAYOUT = stateLayout([
  { name: "a", role: "parameter", dtype: "float32", shape: [150] },
  { name: "b", role: "parameter", dtype: "float32", shape: [50] },
]);

const differences = fc.array(
  fc.oneof(
    fc.float({ min: Math.fround(-100), max: Math.fround(100), noNaN: true }),
    fc.constantFrom(0, -0, 2 ** -149, -(2 ** -149), 2 ** -130, 1e-30, 3e36, -3e36),
  ),
  { minLength: 1, maxLength: 200 },
);

describe("increments", () => {
  it("of int8 are within half a scale of the difference, and are what an update can carry", () => {
    fc.assert(
      fc.property(differences, (list) => {
        const indices = Uint32Array.from(list, (_, i) => i);
        const wanted = Float32Array.from(list);
        const { values, scales } = incrementsOf.int8(wanted, LAYOUT, indices);
        checkEntries(LAYOUT, { valueType: "int8", indices, values, scales, buffers: [] });
        list.forEach((difference, i) => {
          const scale = scales[i >> 6]!;
          // The largest of a block may lose what rounding the scale costs: 127 / 256 of a scale.
          expect(Math.abs(values[i]! - difference)).toBeLessThanOrEqual(scale * 0.51 + 2 ** -142);
        });
      }),
    );
  });

  it("of signs keep the sign, and the mean of a tensor to the third digit", () => {
    fc.assert(
      fc.property(differences, (list) => {
        const wanted = Float32Array.from(list, (each) => (each === 0 ? 1 : each));
        const indices = Uint32Array.from(list, (_, i) => i);
        const { values, scales } = incrementsOf.sign(wanted, LAYOUT, indices);
        checkEntries(LAYOUT, { valueType: "sign", indices, values, scales, buffers: [] });
        wanted.forEach((difference, i) => {
          expect(Math.sign(values[i]!)).toBe(Math.sign(difference));
        });
        const first = wanted.subarray(0, 150).map(Math.abs);
        const mean = first.reduce((sum, each) => sum + each, 0) / first.length;
        if (mean > 1e-30) expect(scales[0]! / mean).toBeCloseTo(1, 2);
        expect(scales).toHaveLength(list.length > 150 ? 2 : 1);
      }),
    );
  });
});
