import type { Sample } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { sourceConformance } from "../sources/source.conformance.ts";
import { hyperplane, type HyperplaneOptions } from "./hyperplane.ts";

sourceConformance("hyperplane", () => hyperplane({ seed: 2, size: 500 }));

describe("hyperplane", () => {
  it("is a plane through the middle: half of the samples are on either side", async () => {
    const samples = await take({ seed: 3, noise: 0, change: 0, features: 4 }, 4_000);
    const share = samples.filter(({ label }) => label === 1).length / 4_000;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.04);
    const sums = [0, 0];
    for (const { features, label } of samples) {
      const above = Array.from(features).reduce((sum, value) => sum + value, 0) - 2;
      sums[label] = sums[label]! + above;
    }
    expect(sums[1]).toBeGreaterThan(0);
    expect(sums[0]).toBeLessThan(0);
  });

  it("moves: old answers are right less and less, and nothing else changes", async () => {
    const options = { seed: 4, noise: 0, moving: 5, features: 5 };
    const still = await take({ ...options, change: 0 }, 1_500);
    const moved = await take({ ...options, change: 0.0005 }, 1_500);
    expect(moved.map(({ features }) => features)).toEqual(still.map(({ features }) => features));
    const differ = (from: number): number =>
      moved.slice(from, from + 500).filter(({ label }, i) => label !== still[from + i]!.label)
        .length;
    expect(differ(0)).toBeLessThan(differ(1_000));
    expect(differ(1_000)).toBeGreaterThan(30);
  });

  it("turns the share of labels around that noise says", async () => {
    const clean = await take({ seed: 5, noise: 0 }, 3_000);
    const noisy = await take({ seed: 5, noise: 0.2 }, 3_000);
    const turned = noisy.filter(({ label }, i) => label !== clean[i]!.label).length;
    expect(Math.abs(turned / 3_000 - 0.2)).toBeLessThan(0.03);
  });

  it("refuses numbers that are out of their ranges", () => {
    const bad: HyperplaneOptions[] = [{ seed: -1 }, { size: 0.5 }, { features: 1 }, { moving: 11 }];
    for (const options of [...bad, { change: -0.1 }, { change: NaN }, { noise: 1.1 }]) {
      expect(() => hyperplane(options)).toThrow(RangeError);
    }
  });
});

async function take(options: HyperplaneOptions, count: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of hyperplane(options).read()) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}
