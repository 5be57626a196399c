import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "./errors.ts";
import { image, inputShapeOf, numeric, preprocessBatch, preprocessInto } from "./preprocessing.ts";

describe("image preprocessing", () => {
  it("is (pixel / 255 − mean) / std for every channel", () => {
    const preprocessing = image({
      width: 2,
      height: 3,
      channels: 3,
      mean: [0.1, 0.5, 0],
      std: [0.3, 0.25, 1],
    });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 18, maxLength: 18 }), (pixels) => {
        const [result] = [preprocessBatch(preprocessing, [pixels])];
        pixels.forEach((pixel, i) => {
          const channel = Math.floor(i / 6);
          const { mean, std } = preprocessing;
          expect(result[i]).toBeCloseTo((pixel / 255 - mean[channel]!) / std[channel]!, 5);
        });
      }),
    );
  });

  it("maps to 0 to 1 when nothing else is said", () => {
    const preprocessing = image({ width: 2, height: 1 });
    expect(preprocessing).toEqual({
      kind: "image",
      width: 2,
      height: 1,
      channels: 1,
      mean: [0],
      std: [1],
    });
    expect([...preprocessBatch(preprocessing, [Uint8Array.of(0, 255)])]).toEqual([0, 1]);
  });

  it("gives inputs of channels, rows, columns", () => {
    const options = { width: 5, height: 4, channels: 2, mean: [0, 0], std: [1, 1] };
    expect(inputShapeOf(image(options))).toEqual([2, 4, 5]);
  });

  it("refuses impossible sizes and statistics", () => {
    const bad = [
      { width: 0 },
      { height: -1 },
      { channels: 0 },
      { channels: -1 },
      { channels: 1.5 },
      { mean: [0, 0] },
      { std: [] },
      { std: [0] },
      { std: [-1] },
      { std: [NaN] },
    ];
    for (const options of bad) {
      expect(() => image({ width: 2, height: 2, ...options })).toThrow(ShapeError);
    }
  });
});

describe("numeric preprocessing", () => {
  it("passes the numbers on as float32", () => {
    const features = Float32Array.of(0.1, -5, 1e30);
    expect(preprocessBatch(numeric(3), [features])).toEqual(features);
    expect(inputShapeOf(numeric(3))).toEqual([3]);
  });

  it("refuses sizes that are not positive whole numbers", () => {
    for (const size of [0, -1, 2.5, NaN]) expect(() => numeric(size)).toThrow(ShapeError);
  });
});

describe("a batch", () => {
  it("holds the samples one after another", () => {
    const samples = [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(5, 6)];
    expect([...preprocessBatch(numeric(2), samples)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(preprocessBatch(numeric(2), [])).toHaveLength(0);
  });

  it("touches nothing but its own place", () => {
    const target = new Float32Array(6).fill(9);
    preprocessInto(image({ width: 2, height: 1 }), Uint8Array.of(0, 255), target, 2);
    expect([...target]).toEqual([9, 9, 0, 1, 9, 9]);
  });

  it("refuses a sample of another size", () => {
    const preprocessing = image({ width: 2, height: 2 });
    for (const length of [0, 3, 5]) {
      const wrong = (): unknown => preprocessBatch(preprocessing, [new Uint8Array(length)]);
      expect(wrong).toThrow(ShapeError);
      expect(wrong).toThrow(`Sample has ${length} values, the model takes 4`);
    }
  });
});
