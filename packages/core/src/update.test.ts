import { describe, expect, it } from "vitest";
import { isSendable, roundTo } from "./update.ts";

describe("values of an update", () => {
  it("are rounded to the type that they travel as", () => {
    expect(roundTo("float32", 0.1)).toBe(Math.fround(0.1));
    expect(roundTo("float16", 0.1)).toBe(0.0999755859375);
  });

  it("can be sent when they are finite and within the range of that type", () => {
    expect([0, -0, 65504, -65504, 2 ** -30].every((v) => isSendable("float16", v))).toBe(true);
    expect([65505, -1e9, Infinity, NaN].some((v) => isSendable("float16", v))).toBe(false);
    expect([65505, -1e38].every((v) => isSendable("float32", v))).toBe(true);
    expect([Infinity, -Infinity, NaN].some((v) => isSendable("float32", v))).toBe(false);
  });
});
