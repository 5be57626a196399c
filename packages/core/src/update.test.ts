import { describe, expect, it } from "vitest";
import { isAbsolute, isEventTime, isIncrement, isSendable, roundTo } from "./update.ts";

describe("values of an update", () => {
  it("are rounded to the type that they travel as", () => {
    expect(roundTo("float32", 0.1)).toBe(Math.fround(0.1));
    expect(roundTo("float16", 0.1)).toBe(0.0999755859375);
    expect(roundTo("bfloat16", 0.1)).toBe(0.10009765625);
  });

  it("can be sent when they are finite and within the range of that type", () => {
    expect([0, -0, 65504, -65504, 2 ** -30].every((v) => isSendable("float16", v))).toBe(true);
    expect([65505, -1e9, Infinity, NaN].some((v) => isSendable("float16", v))).toBe(false);
    expect([65505, -1e38].every((v) => isSendable("float32", v))).toBe(true);
    expect([Infinity, -Infinity, NaN].some((v) => isSendable("float32", v))).toBe(false);
    expect([3.38e38, -3.38e38].every((v) => isSendable("bfloat16", v))).toBe(true);
    expect([3.4e38, -3.4e38, NaN].some((v) => isSendable("bfloat16", v))).toBe(false);
  });

  it("replace what is there, are added to it, or are xored with it", () => {
    const types = ["float32", "float16", "bfloat16", "float32Xor", "int8", "sign"] as const;
    expect(types.filter(isAbsolute)).toEqual(["float32", "float16", "bfloat16"]);
    expect(types.filter(isIncrement)).toEqual(["int8", "sign"]);
  });

  it("come with an event time that is unknown, or whole milliseconds", () => {
    expect([null, 0, 1_760_000_000_000, Number.MAX_SAFE_INTEGER].every(isEventTime)).toBe(true);
    expect([-1, 0.5, NaN, Infinity, 2 ** 53].some(isEventTime)).toBe(false);
  });
});
