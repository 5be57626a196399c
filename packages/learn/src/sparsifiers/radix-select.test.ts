import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RadixSelect } from "./radix-select.ts";

/** The definition, by sorting. */
function naive(values: Float32Array, k: number): readonly number[] {
  return Array.from(values.keys())
    .filter((index) => values[index] !== 0)
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, k)
    .sort((a, b) => a - b);
}

const magnitude = fc.oneof(
  fc.constantFrom(0, 1, 1.25, 2, Infinity, 2 ** -149, 2 ** -126, 3.4e38),
  fc.float({ min: 0, noNaN: true }).map(Math.abs),
  fc.integer({ min: 0, max: 5 }).map((n) => 1 + n * 2 ** -23),
);

describe("RadixSelect", () => {
  it("selects as sorting does, whatever it selected from before", () => {
    const call = fc.tuple(
      fc.array(magnitude, { maxLength: 300, size: "max" }),
      fc.integer({ min: 1, max: 310 }),
    );
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 6 }), (calls) => {
        const radix = new RadixSelect();
        for (const [numbers, k] of calls) {
          const values = Float32Array.from(numbers);
          expect([...radix.largest(values, k)]).toEqual(naive(values, k));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("counts NaN as the largest of all", () => {
    expect([...new RadixSelect().largest(Float32Array.of(1, NaN, Infinity, 2), 2)]).toEqual([1, 2]);
  });
});
