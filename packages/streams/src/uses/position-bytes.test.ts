import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countIn, encodePositions } from "./position-bytes.ts";

describe("positions as bytes", () => {
  it("know how often each position is among them", () => {
    const position = fc.oneof(fc.nat(300), fc.nat(2 ** 31), fc.maxSafeNat());
    fc.assert(
      fc.property(fc.array(position, { maxLength: 60 }), position, (positions, other) => {
        const bytes = encodePositions(positions);
        for (const each of [...positions, other]) {
          const expected = positions.filter((one) => one === each).length;
          expect(countIn(bytes, each)).toBe(expected);
        }
      }),
    );
  });

  it("take two bytes each where 120 of 100,000 are drawn", () => {
    const positions = Array.from({ length: 120 }, (_, i) => (i * 7_919) % 100_000);
    expect(encodePositions(positions).length).toBeLessThanOrEqual(2 * positions.length);
  });
});
