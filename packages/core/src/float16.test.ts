import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLOAT16_MAX, fromFloat16Bits, roundToFloat16, toFloat16Bits } from "./float16.ts";

/** The runtime's own rounding, where it has one (Node 24 and newer). */
const native = (Math as { f16round?: (value: number) => number }).f16round;

describe("float16", () => {
  it("keeps all 65,536 bit patterns, apart from NaN payloads", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromFloat16Bits(bits);
      if (Number.isNaN(value)) {
        expect(bits & 0x7fff).toBeGreaterThan(0x7c00);
        expect(toFloat16Bits(value) & 0x7fff).toBe(0x7e00);
      } else if (toFloat16Bits(value) !== bits) {
        expect.fail(`${bits} became ${toFloat16Bits(value)}`);
      }
    }
  });

  it("knows the values of the format's landmarks", () => {
    const landmarks: readonly (readonly [number, number])[] = [
      [0x0000, 0],
      [0x8000, -0],
      [0x0001, 2 ** -24],
      [0x03ff, 2 ** -14 - 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3555, 0.333251953125],
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, FLOAT16_MAX],
      [0x7c00, Infinity],
      [0xfc00, -Infinity],
    ];
    for (const [bits, value] of landmarks) expect(fromFloat16Bits(bits)).toBe(value);
  });

  it("rounds to the nearest, and to the even one of two equally near", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const low = fromFloat16Bits(bits);
      const high = fromFloat16Bits(bits + 1);
      const middle = (low + high) / 2; // exact: float16 has 11 bits, float32 has 24
      const even = bits % 2 === 0 ? bits : bits + 1;
      const results = [below(middle), middle, above(middle)].map(toFloat16Bits);
      const negative = [below(middle), middle, above(middle)].map(
        (x) => toFloat16Bits(-x) & 0x7fff,
      );
      if (results.join() !== [bits, even, bits + 1].join() || negative.join() !== results.join()) {
        expect.fail(`around ${middle}: ${results.join()}`);
      }
    }
  });

  it("goes to infinity from 65,520 on", () => {
    expect(roundToFloat16(below(65520))).toBe(FLOAT16_MAX);
    expect(roundToFloat16(65520)).toBe(Infinity);
    expect(roundToFloat16(-65520)).toBe(-Infinity);
    expect(roundToFloat16(3.4e38)).toBe(Infinity);
  });

  it("goes to zero, with its sign, up to half of the smallest number", () => {
    expect(roundToFloat16(2 ** -25)).toBe(0);
    expect(roundToFloat16(-(2 ** -25))).toBe(-0);
    expect(roundToFloat16(above(2 ** -25))).toBe(2 ** -24);
    expect(roundToFloat16(-1e-45)).toBe(-0);
  });

  it("rounds only once: a rounded number stays", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        expect(roundToFloat16(roundToFloat16(value))).toBe(roundToFloat16(value));
      }),
    );
  });

  it.skipIf(native === undefined)("agrees with the runtime for any float32", () => {
    const bits = new Uint32Array(1);
    const floats = new Float32Array(bits.buffer);
    const check = (pattern: number): void => {
      bits[0] = pattern;
      const value = floats[0] ?? 0;
      if (!Object.is(roundToFloat16(value), native?.(value))) expect.fail(`${value}`);
    };
    // Every exponent and sign with every pattern of the bits that are kept and around the tie.
    for (let high = 0; high < 65536; high++) {
      for (const low of [0x0000, 0x0001, 0x0fff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x3000, 0xffff]) {
        check(((high << 16) | low) >>> 0);
      }
    }
    fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), check), { numRuns: 20_000 });
  });
});

/** The float32 number next to a positive one, towards 0. */
function below(value: number): number {
  return neighbour(value, -1);
}

/** The float32 number next to a positive one, away from 0. */
function above(value: number): number {
  return neighbour(value, 1);
}

function neighbour(value: number, step: 1 | -1): number {
  const floats = Float32Array.of(value);
  const bits = new Int32Array(floats.buffer);
  bits[0] = (bits[0] ?? 0) + step;
  return floats[0] ?? 0;
}
