import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors.ts";
import { Random } from "../random.ts";
import { type Augmentation, pipeline } from "./pipeline.ts";
import type { Preprocessor } from "./preprocessor.ts";
import { preprocessorOf } from "./preprocessor-of.ts";

const RAW = { kind: "image", width: 4, height: 3, channels: 2 } as const;
const PIXELS = Uint8Array.from({ length: 24 }, (_, i) => i + 1);

function augmented(augmentation: Augmentation): Preprocessor {
  return preprocessorOf(pipeline({ raw: RAW, branches: [{}], augmentation }));
}

function train(preprocessor: Preprocessor, random: Random, count: number): readonly Float32Array[] {
  const inputs = preprocessor.transform([], new Array(count).fill(PIXELS), {
    kind: "train",
    random,
  });
  return Array.from({ length: count }, (_, i) => inputs.slice(i * 24, (i + 1) * 24));
}

describe("augmentation", () => {
  const all = { flip: true, shiftPixels: 1, fill: -5, contrast: 0.2, brightness: 0.1 };

  it("touches nothing when serving", () => {
    expect(augmented(all).transform([], [PIXELS])).toEqual(Float32Array.from(PIXELS));
  });

  it("comes again to the same bits from the same position, and differs otherwise", () => {
    const random = new Random(1);
    const first = train(augmented(all), random, 3);
    expect(random.position.drawn).toBe(24);
    expect(train(augmented(all), new Random(1), 3)).toEqual(first);
    expect(train(augmented(all), new Random(1, 0, 8), 2)).toEqual(first.slice(1));
    expect(train(augmented(all), new Random(2), 3)).not.toEqual(first);
  });

  it("mirrors half of the images", () => {
    const results = train(augmented({ flip: true }), new Random(3), 400);
    const mirrored = Float32Array.from(PIXELS, (_, i) => PIXELS[i - (i % 4) + 3 - (i % 4)]!);
    const count = results.filter((one) => one[0] === mirrored[0]).length;
    for (const one of results) {
      expect(one).toEqual(one[0] === 1 ? Float32Array.from(PIXELS) : mirrored);
    }
    expect(count).toBeGreaterThan(150);
    expect(count).toBeLessThan(250);
  });

  it("moves images to every place in reach, and fills what they leave", () => {
    const results = train(augmented({ shiftPixels: 1, fill: -5 }), new Random(4), 900);
    const counts = new Map<string, number>();
    for (const one of results) {
      // Where pixel 6, the second of the second row, has gone.
      const at = one.indexOf(6);
      counts.set(`${(at % 4) - 1},${Math.floor(at / 4) - 1}`, 0);
      const [dx, dy] = [(at % 4) - 1, Math.floor(at / 4) - 1];
      for (let i = 0; i < 24; i++) {
        const [x, y, plane] = [(i % 4) - dx, (Math.floor(i / 4) % 3) - dy, i < 12 ? 0 : 12];
        const isInside = x >= 0 && x < 4 && y >= 0 && y < 3;
        expect(one[i]).toBe(isInside ? PIXELS[plane + y * 4 + x] : -5);
      }
    }
    expect(counts.size).toBe(9);
  });

  it("keeps gain and offset within their ranges", () => {
    const results = train(augmented({ contrast: 0.5, brightness: 2 }), new Random(5), 300);
    const gains = results.map((one) => (one[23]! - one[0]!) / 23);
    const offsets = results.map((one, i) => one[0]! - gains[i]!);
    expect(Math.min(...gains)).toBeGreaterThan(0.499);
    expect(Math.max(...gains)).toBeLessThan(1.501);
    expect(Math.max(...gains) - Math.min(...gains)).toBeGreaterThan(0.8);
    expect(Math.max(...offsets.map(Math.abs))).toBeLessThan(2.001);
    expect(Math.max(...offsets) - Math.min(...offsets)).toBeGreaterThan(3);
  });

  it("refuses what is no image, and numbers that cannot be", () => {
    for (const odd of [
      { shiftPixels: 0.5 },
      { contrast: -1 },
      { brightness: NaN },
      { fill: NaN },
    ]) {
      expect(() => augmented(odd)).toThrow(ShapeError);
    }
    const vector = pipeline({
      raw: { kind: "numbers", columns: ["a"] },
      branches: [{}],
      augmentation: {},
    });
    expect(() => preprocessorOf(vector)).toThrow(ShapeError);
  });
});
