import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meanOf, publishGradients } from "./gradients.ts";

const SMALLEST_NORMAL = 2 ** -126;
const floats = fc.float32Array({ noNaN: true, noDefaultInfinity: true, maxLength: 40 });

describe("publishGradients", () => {
  it("copies finite numbers and flushes denormal ones to zero", () => {
    fc.assert(
      fc.property(floats, (gradients) => {
        const published = new Float32Array(gradients.length);
        const large = gradients.some((value) => Math.abs(value) >= 2 ** 48);
        expect(publishGradients(gradients, published)).toBe(large ? "large" : "small");
        gradients.forEach((value, i) => {
          expect(published[i]).toBe(Math.abs(value) < SMALLEST_NORMAL ? 0 : value);
        });
      }),
    );
  });

  it.each([NaN, Infinity, -Infinity])("notices %d anywhere", (value) => {
    fc.assert(
      fc.property(floats, fc.nat(), (gradients, at) => {
        fc.pre(gradients.length > 0);
        gradients[at % gradients.length] = value;
        const published = new Float32Array(gradients.length);
        expect(publishGradients(gradients, published)).toBe("notFinite");
      }),
    );
  });
});

describe("meanOf", () => {
  it.each([1, 2, 3])("divides the sum of %d rows by the weight", (count) => {
    const rows = Array.from({ length: count }, (_, row) => Float32Array.of(row + 1, 2 * row));
    const mean = new Float32Array(2);
    meanOf(rows, 4, mean);
    const sum = (count * (count + 1)) / 2;
    expect([...mean]).toEqual([sum / 4, (2 * (sum - count)) / 4]);
  });
});
