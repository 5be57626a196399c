import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipFactor, scaleGradients, sumOfSquares } from "./clip-norm.ts";

const gradients = fc.float32Array({
  noNaN: true,
  noDefaultInfinity: true,
  min: -1e6,
  max: 1e6,
  maxLength: 50,
});

describe("clipping by norm", () => {
  it("adds up the squares of all elements, also of odd and long vectors", () => {
    const long = Float32Array.from({ length: 10_001 }, (_, i) => Math.sin(i));
    for (const vector of [Float32Array.of(), Float32Array.of(3), Float32Array.of(1, 2, 3), long]) {
      const expected = vector.reduce((sum, value) => sum + value * value, 0);
      expect(sumOfSquares(vector)).toBeCloseTo(expected, 9);
    }
  });

  it("leaves no norm above the limit, and short gradients as they are", () => {
    fc.assert(
      fc.property(gradients, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (vector, limit) => {
        const norm = Math.sqrt(sumOfSquares(vector));
        const scaled = vector.slice();
        scaleGradients(scaled, clipFactor(limit, norm));
        if (norm + 1e-6 <= limit) expect(scaled).toEqual(vector);
        else expect(Math.sqrt(sumOfSquares(scaled))).toBeLessThanOrEqual(limit * (1 + 1e-6));
      }),
    );
  });
});
