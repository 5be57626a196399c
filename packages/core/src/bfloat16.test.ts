import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BFLOAT16_MAX, fromBfloat16Bits, roundToBfloat16, toBfloat16Bits } from "./bfloat16.ts";

/** All finite bfloat16 values from 0 on, ascending. */
const VALUES = Array.from({ length: 0x7f80 }, (_, bits) => fromBfloat16Bits(bits));

describe("bfloat16", () => {
  it("gives back every one of its 65,536 bit patterns, NaN as NaN", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromBfloat16Bits(bits);
      if (Number.isNaN(value)) expect(toBfloat16Bits(value) & 0x7fff).toBe(0x7fc0);
      else if (toBfloat16Bits(value) !== bits) expect.fail(`${bits} came back otherwise`);
    }
  });

  it("rounds to the nearest value, ties to the one with an even last bit", () => {
    for (let bits = 0; bits + 1 < VALUES.length; bits += 7) {
      const [low, high] = [VALUES[bits]!, VALUES[bits + 1]!];
      const tie = (low + high) / 2;
      expect(roundToBfloat16(tie)).toBe(bits % 2 === 0 ? low : high);
      expect(roundToBfloat16(-tie)).toBe(bits % 2 === 0 ? -low : -high);
    }
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const rounded = roundToBfloat16(value);
        if (!Number.isFinite(rounded)) return Math.abs(value) > BFLOAT16_MAX;
        const near = (toBfloat16Bits(value) & 0x7fff) - 1;
        const distances = [VALUES[Math.max(0, near)]!, VALUES[near + 2] ?? Infinity].map((other) =>
          Math.abs(Math.abs(value) - other),
        );
        return Math.abs(value - rounded) <= Math.min(...distances);
      }),
    );
  });

  it("keeps the sign of zero, and becomes infinite from half a step beyond its range", () => {
    expect(roundToBfloat16(-0)).toBe(-0);
    expect(roundToBfloat16(BFLOAT16_MAX)).toBe(BFLOAT16_MAX);
    expect(roundToBfloat16(BFLOAT16_MAX + 2 ** 118)).toBe(BFLOAT16_MAX);
    expect(roundToBfloat16(BFLOAT16_MAX + 2 ** 119)).toBe(Infinity);
    expect(roundToBfloat16(-Infinity)).toBe(-Infinity);
    expect(BFLOAT16_MAX).toBe(VALUES.at(-1));
  });
});
