import { fromFloat16Bits, roundTo } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { roundAllTo } from "./rounding.ts";

const SIGN = 0x80000000;

describe("roundAllTo", () => {
  it("gives float32 values back as they are", () => {
    const values = Float32Array.of(1, -0, 1e-40, NaN);
    expect(roundAllTo.float32(values, () => new Float32Array(4))).toBe(values);
  });

  it("rounds to float16 as core does, at and beside every representable value and every tie", () => {
    const values: number[] = [
      Infinity,
      -Infinity,
      NaN,
      3e38,
      -3e38,
      1e-45,
      -1e-45,
      65519.996,
      65520,
    ];
    const word = new Float32Array(1);
    const bits = new Uint32Array(word.buffer);
    for (let half = 0; half < 0x7c00; half++) {
      const value = fromFloat16Bits(half);
      const next = half === 0x7bff ? 65536 : fromFloat16Bits(half + 1);
      for (const near of [value, (value + next) / 2]) {
        word[0] = near;
        const centre = bits[0]!;
        for (const offset of [-1, 0, 1]) {
          if (centre + offset < 0) continue;
          bits[0] = centre + offset;
          values.push(word[0], -word[0]);
        }
      }
    }
    const source = Float32Array.from(values);
    const rounded = roundAllTo.float16(source, () => new Float32Array(source.length));
    const different = [...source].filter(
      (value, i) => !Object.is(roundTo("float16", value), rounded[i]),
    );
    expect(different).toEqual([]);
  });

  it("rounds to bfloat16 as core does, beside every 97th representable value and its tie", () => {
    const bits: number[] = [0x7f7f7fff, 0x7f7f8000, 0x7f800000, 0x7fffffff, 0x7f800001];
    for (let half = 0; half < 0x7f80; half += 97) {
      for (const offset of [-1, 0, 1, 0x7fff, 0x8000, 0x8001]) bits.push(half * 65_536 + offset);
    }
    const words = Uint32Array.from(bits.filter((word) => word >= 0).flatMap((w) => [w, w ^ SIGN]));
    const source = new Float32Array(words.buffer);
    const rounded = roundAllTo.bfloat16(source, () => new Float32Array(source.length));
    const different = [...source].filter(
      (value, i) => !Object.is(roundTo("bfloat16", value), rounded[i]),
    );
    expect(different).toEqual([]);
  });
});
