import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "./errors.ts";
import { image, numeric, plainInto, standardised } from "./preprocessing.ts";
import { inputShapeOf, preprocessBatch } from "./preprocessing/preprocessor-of.ts";

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

  it("is (number − mean) / std where these are given", () => {
    const preprocessing = numeric(2, { mean: [1, -2], std: [0.5, 4] });
    const samples = [Float32Array.of(1, -2), Float32Array.of(2, 2)];
    expect([...preprocessBatch(preprocessing, samples)]).toEqual([0, 0, 2, 1]);
    expect(inputShapeOf(preprocessing)).toEqual([2]);
  });

  it("counts what is far from the mean as the limit of deviations", () => {
    const preprocessing = numeric(3, { mean: [1, 1, 1], std: [2, 2, 2], limit: 3 });
    const result = preprocessBatch(preprocessing, [Float32Array.of(7.5, -1e9, 6)]);
    expect([...result]).toEqual([3, -3, 2.5]);
    const samples = [Float32Array.of(0), Float32Array.of(2)];
    expect(standardised(samples, { limit: 4 })).toEqual(
      numeric(1, { mean: [1], std: [1], limit: 4 }),
    );
    for (const limit of [0, -1, NaN, Infinity]) {
      expect(() => numeric(1, { mean: [0], std: [1], limit })).toThrow(ShapeError);
    }
  });

  it("refuses means and deviations of other sizes, or that cannot be", () => {
    for (const odd of [
      { mean: [0] },
      { std: [1, 1, 1] },
      { std: [1, 0] },
      { std: [1, -1] },
      { std: [1, NaN] },
      { std: [1, Infinity] },
      { mean: [0, NaN] },
    ]) {
      expect(() => numeric(2, { mean: [0, 0], std: [1, 1], ...odd })).toThrow(ShapeError);
    }
  });

  it("gives the samples that it is standardised by mean 0 and deviation 1", () => {
    const entry = fc.float({ min: -1000, max: 1000, noNaN: true });
    const sample = fc.tuple(entry, entry).map((values) => Float32Array.from([...values, 1e6]));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 2, maxLength: 50 }), (samples) => {
        const preprocessing = standardised(samples);
        const result = preprocessBatch(preprocessing, samples);
        for (const column of [0, 1, 2]) {
          const values = samples.map((_, row) => result[row * 3 + column]!);
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
          const isConstant = samples.every((features) => features[column] === samples[0]![column]);
          expect(mean).toBeCloseTo(0, 3);
          expect(square).toBeCloseTo(isConstant ? 0 : 1, 3);
        }
      }),
    );
  });

  it("is standardised by samples of one size, and by at least one", () => {
    expect(() => standardised([])).toThrow(ShapeError);
    expect(() => standardised([new Float32Array(2), new Float32Array(3)])).toThrow(ShapeError);
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
    plainInto(image({ width: 2, height: 1 }), Uint8Array.of(0, 255), target, 2);
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
