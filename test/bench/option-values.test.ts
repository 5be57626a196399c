import { describe, expect, it } from "vitest";
import {
  choiceOption,
  positiveOption,
  wholeListOption,
  wholeOption,
} from "../../bench/option-values.ts";

describe("the values of options", () => {
  it("are read as what they stand for", () => {
    expect(positiveOption("ratio", "1e-3")).toBe(0.001);
    expect(wholeOption("rounds", "12")).toBe(12);
    expect(wholeListOption("connections", "1, 100,5000")).toEqual([1, 100, 5_000]);
    expect(choiceOption("mode", "patch", ["auto", "patch"])).toBe("patch");
  });

  it.each(["0", "-1", "x", "", "Infinity", "NaN"])("are above 0, unlike %j", (text) => {
    expect(() => positiveOption("ratio", text)).toThrow("--ratio");
    expect(() => wholeListOption("connections", `5,${text}`)).toThrow("--connections");
  });

  it("are whole, or one of the choices, where they must be", () => {
    expect(() => wholeOption("rounds", "1.5")).toThrow('--rounds needs a whole number, got "1.5"');
    expect(() => choiceOption("mode", "fast", ["auto", "patch"])).toThrow("auto, patch");
  });
});
