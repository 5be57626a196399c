import { classes, type Features, type Sample } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digits } from "../digits/digits.ts";
import { readIndexed } from "../sources/indexed-samples.ts";
import { sourceConformance } from "../sources/source.conformance.ts";
import type { Source } from "../sources/source.ts";
import { rotated, type RotationOptions } from "./rotated.ts";
import { sea } from "./sea.ts";

sourceConformance("digits that are turned gradually", () =>
  rotated(digits({ seed: 3, size: 1_200 }), { fromSample: 20, degrees: 60, overSamples: 80 }),
);

describe("rotated", () => {
  it("moves row r, column c to row c, column last − r by a quarter, in every plane", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        async (n, planes) => {
          const pixels = Uint8Array.from({ length: planes * n * n }, (_, i) => (i * 37) % 256);
          const turned = await turnedOne(pixels, [planes, n, n], 90);
          for (let plane = 0; plane < planes; plane++) {
            for (let at = 0; at < n * n; at++) {
              const [r, c] = [Math.floor(at / n), at % n];
              const to = plane * n * n + c * n + (n - 1 - r);
              expect(turned[to]).toBe(pixels[plane * n * n + at]);
            }
          }
        },
      ),
    );
  });

  it("leaves images as they are by a whole turn, of bytes or of floats", async () => {
    const bytes = Uint8Array.from({ length: 20 }, (_, i) => 255 - i);
    expect(await turnedOne(bytes, [1, 4, 5], 360)).toEqual(bytes);
    const floats = Float32Array.from({ length: 20 }, (_, i) => i / 7);
    const turned = await turnedOne(floats, [1, 4, 5], 360);
    expect(turned).toBeInstanceOf(Float32Array);
    turned.forEach((value, i) => expect(value).toBeCloseTo(floats[i]!, 5));
  });

  it("interpolates between the four pixels that a pixel falls between", async () => {
    // A plane stays a plane wherever all four neighbours are inside: v = 3 + 2c + 5r, so
    // v' = 3 + 2c' + 5r' with (c', r') where the pixel comes from.
    const size = 15;
    const middle = (size - 1) / 2;
    const pixels = Float32Array.from(
      { length: size * size },
      (_, i) => 3 + 2 * (i % size) + 5 * Math.floor(i / size),
    );
    for (const degrees of [10, 45, -30]) {
      const turned = await turnedOne(pixels, [1, size, size], degrees);
      const angle = (degrees * Math.PI) / 180;
      for (const [row, column] of [
        [7, 7],
        [5, 9],
        [10, 6],
      ] as const) {
        const [down, right] = [row - middle, column - middle];
        const fromColumn = middle + right * Math.cos(angle) + down * Math.sin(angle);
        const fromRow = middle + down * Math.cos(angle) - right * Math.sin(angle);
        const expected = 3 + 2 * fromColumn + 5 * fromRow;
        expect(turned[row * size + column]).toBeCloseTo(expected, 3);
      }
    }
  });

  it("has black around the image: a corner that turns out of it is gone", async () => {
    const turned = await turnedOne(new Uint8Array(81).fill(200), [1, 9, 9], 45);
    expect([turned[0], turned[8], turned[72], turned[80], turned[40]]).toEqual([0, 0, 0, 0, 200]);
  });

  it("turns from one sample on, and changes features alone", async () => {
    const plain = await all(digits({ seed: 4, size: 20 }));
    const turned = await all(
      rotated(digits({ seed: 4, size: 20 }), { fromSample: 12, degrees: 90 }),
    );
    expect(turned.slice(0, 12)).toEqual(plain.slice(0, 12));
    for (let i = 12; i < 20; i++) {
      expect({ ...turned[i]!, features: null }).toEqual({ ...plain[i]!, features: null });
      const square = plain[i]!.features;
      expect(turned[i]!.features[5 * 28 + 20]).toBe(square[(27 - 20) * 28 + 5]);
      expect(turned[i]!.features).not.toEqual(square);
    }
  });

  it("turns gradually up to the whole angle, and no further", async () => {
    const angles = [0, 0, 22.5, 45, 67.5, 90, 90];
    const drift = { fromSample: 2, degrees: 90, overSamples: 4 };
    const found = await all(rotated(same(7), drift));
    for (const [i, degrees] of angles.entries()) {
      const expected = await turnedOne(STROKE, [1, 9, 9], degrees);
      expect(found[i]!.features).toEqual(expected);
    }
  });

  it("refuses a source without images and numbers that are out of their ranges", () => {
    const options = { fromSample: 0, degrees: 10 };
    expect(() => rotated(sea(), options)).toThrow("images [planes, rows, columns], got [3]");
    const bad = [{ fromSample: -1 }, { fromSample: 0.5 }, { overSamples: -2 }, { degrees: NaN }];
    for (const odd of bad) {
      expect(() => rotated(same(1), { ...options, ...odd })).toThrow(RangeError);
    }
  });
});

const STROKE = Uint8Array.from({ length: 81 }, (_, i) => (i % 9 === 4 && i < 45 ? 255 : 0));

/** The same image over and over. */
function same(
  size: number,
  features: Features = STROKE,
  shape: readonly number[] = [1, 9, 9],
): Source {
  const dtype = features instanceof Uint8Array ? "uint8" : "float32";
  return {
    name: "same",
    schema: { features: { dtype, shape }, target: classes(2) },
    size,
    read: (options) =>
      readIndexed(size, (i) => ({ id: `same-${i}`, eventTimeMs: i, features, label: 0 }), options),
  };
}

async function turnedOne(
  features: Features,
  shape: readonly number[],
  degrees: RotationOptions["degrees"],
): Promise<Features> {
  const [sample] = await all(rotated(same(1, features, shape), { fromSample: 0, degrees }));
  return sample!.features;
}

async function all(source: Source): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read()) samples.push(sample);
  return samples;
}
