import { createHash } from "node:crypto";
import type { Sample } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { sourceConformance } from "../sources/source.conformance.ts";
import { digits, type DigitsOptions } from "./digits.ts";
import { GLYPHS } from "./glyphs.ts";

sourceConformance("endless digits", () => digits({ seed: 3 }));
sourceConformance("digits of a given number", () => digits({ seed: 3, size: 120, split: "test" }));
sourceConformance("digits that turn", () =>
  digits({ drift: { kind: "rotation", fromSample: 50, degrees: 30 } }),
);

describe("digits", () => {
  it("makes sample i from the seed, the split and i alone, at any distance", async () => {
    const far = 10 ** 12;
    const [one] = await take({ seed: 5 }, 1, far);
    const [, other] = await take({ seed: 5 }, 2, far - 1);
    expect(one).toEqual(other);
  });

  it("writes the same pixels on every machine", async () => {
    const hash = createHash("sha256");
    for (const { label, features } of await take({ seed: 1 }, 64)) {
      hash.update(features).update(Uint8Array.of(label));
    }
    expect(hash.digest("hex")).toBe(
      "c962caa25f7880610fd5d9ea52889f30e3b63235296ba8e5984125f65d33226f",
    );
  });

  it("gives other samples for another seed and for the other split", async () => {
    const images = [
      ...(await take({ seed: 1 }, 200)),
      ...(await take({ seed: 2 }, 200)),
      ...(await take({ seed: 1, split: "test" }, 200)),
    ];
    expect(new Set(images.map(({ features }) => features.join())).size).toBe(600);
    expect(new Set(images.map(({ id }) => id)).size).toBe(600);
  });

  it("draws every label equally often", async () => {
    const count = 2000;
    const counts = new Array<number>(10).fill(0);
    for (const { label } of await take({}, count)) counts[label]!++;
    // Chi-squared with 9 degrees of freedom exceeds 27.9 once in a thousand seeds.
    const expected = count / 10;
    const chi = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(chi).toBeLessThan(27.9);
  });

  it("is as bright as MNIST: mean 0.131 and deviation 0.308 of the full range", async () => {
    const values = (await take({ seed: 7 }, 1500)).flatMap(({ features }) => [...features]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length / 255;
    const square = values.reduce((sum, value) => sum + value * value, 0) / values.length / 255 ** 2;
    expect(Math.abs(mean - 0.1307)).toBeLessThan(0.006);
    expect(Math.abs(Math.sqrt(square - mean * mean) - 0.3081)).toBeLessThan(0.01);
  });

  it("centres the mass of a digit and, as MNIST, rarely reaches the border", async () => {
    let atBorder = 0;
    for (const { features } of await take({ seed: 8 }, 500)) {
      const { x, y } = centreOfMass(features);
      expect(Math.abs(x - 14)).toBeLessThan(1.2);
      expect(Math.abs(y - 14)).toBeLessThan(1.2);
      if (features.some((value, i) => value > 0 && isBorder(i))) atBorder++;
    }
    // Of the first 5,000 images of MNIST it is 1.7 %.
    expect(atBorder / 500).toBeLessThan(0.05);
  });

  it("writes digits that a nearest-neighbour search tells apart, but not all of them", async () => {
    const known = await take({ seed: 9 }, 1000);
    const asked = await take({ seed: 9, split: "test" }, 200);
    const right = asked.filter((sample) => nearest(known, sample).label === sample.label).length;
    expect(right / asked.length).toBeGreaterThan(0.75);
    expect(right).toBeLessThan(asked.length);
  });

  it("inverts from a given sample on, and changes nothing else", async () => {
    const plain = await take({ seed: 4 }, 20);
    const drifted = await take({ seed: 4, drift: { kind: "inversion", fromSample: 10 } }, 20);
    expect(drifted.slice(0, 10)).toEqual(plain.slice(0, 10));
    drifted.slice(10).forEach(({ features, label }, i) => {
      expect(label).toBe(plain[10 + i]!.label);
      expect(features).toEqual(plain[10 + i]!.features.map((value) => 255 - value));
    });
  });

  it("turns clockwise from a given sample on, and changes nothing else", async () => {
    const plain = await take({ seed: 4 }, 20);
    const drift = { kind: "rotation", fromSample: 10, degrees: 90 } as const;
    const drifted = await take({ seed: 4, drift }, 20);
    expect(drifted.slice(0, 10)).toEqual(plain.slice(0, 10));
    for (let i = 10; i < 20; i++) {
      expect(drifted[i]!.label).toBe(plain[i]!.label);
      const expected = quarterTurn(plain[i]!.features as Uint8Array);
      const found = drifted[i]!.features as Uint8Array;
      const difference = expected.reduce((sum, value, at) => sum + Math.abs(value - found[at]!), 0);
      // Only the grain, which is laid row by row, differs.
      expect(difference / 784).toBeLessThan(5);
    }
  });

  it("refuses seeds, sizes and positions that are not whole numbers of 0 or more", () => {
    for (const options of [{ seed: -1 }, { seed: 0.5 }, { size: NaN }] as DigitsOptions[]) {
      expect(() => digits(options)).toThrow(RangeError);
    }
    expect(() => digits({ drift: { kind: "inversion", fromSample: -1 } })).toThrow(RangeError);
  });
});

describe("glyphs", () => {
  it("share out the whole of each digit's writing", () => {
    for (const variants of GLYPHS) {
      expect(variants.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    }
  });
});

async function take(options: DigitsOptions, count: number, from = 0): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of digits(options).read({ from })) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}

function centreOfMass(features: Sample["features"]): { x: number; y: number } {
  let mass = 0;
  let x = 0;
  let y = 0;
  features.forEach((value, i) => {
    mass += value;
    x += value * ((i % 28) + 0.5);
    y += value * (Math.floor(i / 28) + 0.5);
  });
  return { x: x / mass, y: y / mass };
}

function isBorder(pixel: number): boolean {
  return pixel < 28 || pixel >= 27 * 28 || pixel % 28 === 0 || pixel % 28 === 27;
}

function nearest(known: readonly Sample[], { features }: Sample): Sample {
  let best = known[0]!;
  let bestDistance = Infinity;
  for (const candidate of known) {
    let distance = 0;
    for (let i = 0; i < 784; i++) distance += (candidate.features[i]! - features[i]!) ** 2;
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Row r, column c moves to row c, column 27 − r. */
function quarterTurn(features: Uint8Array): Uint8Array {
  const turned = new Uint8Array(784);
  features.forEach((value, i) => (turned[(i % 28) * 28 + 27 - Math.floor(i / 28)] = value));
  return turned;
}
