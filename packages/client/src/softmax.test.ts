import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { indexOfMax, softmax } from "./softmax.ts";

describe("softmax", () => {
  const logits = fc.float32Array({
    minLength: 1,
    maxLength: 20,
    noNaN: true,
    noDefaultInfinity: true,
  });

  it("gives probabilities that sum to 1, whatever the logits", () => {
    fc.assert(
      fc.property(logits, (values) => {
        const probabilities = softmax(values);
        expect(probabilities.every((p) => p >= 0 && p <= 1)).toBe(true);
        expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      }),
    );
  });

  it("keeps the order of the logits", () => {
    fc.assert(
      fc.property(logits, (values) => {
        const probabilities = softmax(values);
        expect(values[indexOfMax(probabilities)]).toBeCloseTo(Math.max(...values), 3);
      }),
    );
  });

  it("does not change when all logits move by the same amount", () => {
    const moved = softmax(Float32Array.of(1001, 1002, 1003));
    softmax(Float32Array.of(1, 2, 3)).forEach((p, i) => expect(moved[i]).toBeCloseTo(p, 6));
    expect(moved[2]).toBeCloseTo(Math.E ** 2 / (1 + Math.E + Math.E ** 2), 6);
  });
});
