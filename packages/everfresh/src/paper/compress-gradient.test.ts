import { Random, stateLayout } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { compressorOf } from "./compress-gradient.ts";
import type { Compression } from "./row-spec.ts";

const LAYOUT = stateLayout([
  { name: "w", role: "parameter", dtype: "float32", shape: [40, 10] },
  { name: "b", role: "parameter", dtype: "float32", shape: [10] },
  { name: "m", role: "buffer", dtype: "float32", shape: [10] },
]);
const COUNT = LAYOUT.parameterCount;

const COMPRESSIONS: readonly Compression[] = [
  { selector: "topK", ratio: 0.1 },
  { selector: "randomK", ratio: 0.1 },
  { selector: "qsgd", bits: 4 },
];

/** Enough steps without a gradient for all that is remembered to be sent. */
const LAST_STEPS = 200;

describe.each(COMPRESSIONS)("the part of gradients by $selector", (compression) => {
  it("loses nothing: what is sent in the end is all gradients together", () => {
    const compress = compressorOf(compression, LAYOUT);
    const random = new Random(1);
    const sent = new Float64Array(COUNT);
    const all = new Float64Array(COUNT);
    for (let step = 0; step < 5 + LAST_STEPS; step++) {
      const gradient = new Float32Array(COUNT);
      if (step < 5) gradient.forEach((_, i) => (gradient[i] = random.normal()));
      gradient.forEach((value, i) => (all[i] = (all[i] ?? 0) + value));
      const part = new Float32Array(COUNT);
      const named = new Set(compress(gradient, part, random));
      part.forEach((value, i) => (sent[i] = (sent[i] ?? 0) + value));
      expect([...part.keys()].filter((i) => part[i] !== 0 && !named.has(i))).toEqual([]);
      if (step === 0) expect(named.size).toBeLessThan(COUNT);
    }
    const left = all.map((value, i) => Math.abs(value - (sent[i] ?? 0)));
    expect(Math.max(...left)).toBeLessThan(1e-5);
  });
});

describe("shares of gradients", () => {
  it("are the largest of each tensor, and one of each at least", () => {
    const compress = compressorOf({ selector: "topK", ratio: 0.01 }, LAYOUT);
    const gradient = new Float32Array(COUNT).fill(0.1);
    gradient.set([5, -7], 17);
    gradient[30] = 6;
    gradient[399] = -8;
    gradient[404] = 0.2;
    const indices = compress(gradient, new Float32Array(COUNT), new Random(0));
    expect([...indices]).toEqual([17, 18, 30, 399, 404]);
  });
});

describe("QSGD of gradients", () => {
  it("rounds to whole levels of a tensor's norm, the mean being the value", () => {
    const norm = 5;
    const grid = norm / 15;
    let sum = 0;
    const draws = 1_000;
    const random = new Random(3);
    for (let draw = 0; draw < draws; draw++) {
      const gradient = new Float32Array(COUNT);
      gradient[0] = 3;
      gradient[1] = -4;
      const part = new Float32Array(COUNT);
      compressorOf({ selector: "qsgd", bits: 4 }, LAYOUT)(gradient, part, random);
      expect(Math.abs((part[1] ?? 0) / grid) % 1).toBeCloseTo(0, 4);
      sum += part[1] ?? 0;
    }
    // The standard deviation of a draw is below half a level: five of the mean's are 0.03.
    expect(Math.abs(sum / draws + 4)).toBeLessThan(0.03);
  });
});
