import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reductionFactor, reductionText } from "./reduction.ts";

describe("the reduction", () => {
  it("times the mean update is the size of the model", () => {
    const bytes = fc.integer({ min: 1, max: 1e9 });
    fc.assert(
      fc.property(bytes, bytes, (mean, dense) => {
        expect((reductionFactor(mean, dense) ?? 0) * mean).toBeCloseTo(dense, 3);
      }),
    );
  });

  it("is unknown while nothing was sent", () => {
    expect(reductionFactor(0, 246_824)).toBeNull();
    expect(reductionText(0, 246_824)).toBe("Nothing sent yet");
  });

  it("says how many times smaller an update is, or that it is not", () => {
    expect(reductionText(2_110, 246_824)).toBe("117× smaller than the model");
    expect(reductionText(300_000, 246_824)).toBe("Not smaller than the model");
  });
});
