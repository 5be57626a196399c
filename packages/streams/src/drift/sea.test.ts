import type { Sample } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { sourceConformance } from "../sources/source.conformance.ts";
import { sea, SEA_CONCEPTS, type SeaOptions } from "./sea.ts";

sourceConformance("sea", () => sea({ seed: 2, size: 2_000 }));
sourceConformance("sea without an end", () => sea({ seed: 3, size: null, noise: 0 }));

/** The border's value at a position of the standard stream. */
const thetaAt = (position: number): number => [8, 9, 7, 9.5][Math.floor(position / 12_500)]!;

describe("sea", () => {
  it("is of class 1 exactly where the first two features sum up to more than theta", async () => {
    for (const { fromSample } of SEA_CONCEPTS) {
      const from = Math.max(0, fromSample - 100);
      (await take({ seed: 1, noise: 0 }, 300, from)).forEach(({ features, label }, i) => {
        expect(label).toBe(features[0]! + features[1]! > thetaAt(from + i) ? 1 : 0);
      });
    }
  });

  it("has as many of class 1 in each concept as a triangle of that theta leaves", async () => {
    // P(x₀ + x₁ > θ) = 1 − θ² / 200 for θ up to 10, as in River's SEA of variants 0 to 3.
    const samples = await take({ seed: 4, noise: 0 }, 50_000);
    for (const { fromSample, theta } of SEA_CONCEPTS) {
      const concept = samples.slice(fromSample, fromSample + 12_500);
      const share = concept.filter(({ label }) => label === 1).length / 12_500;
      // Four standard deviations of a share of 12,500.
      expect(Math.abs(share - (1 - (theta * theta) / 200))).toBeLessThan(0.018);
    }
  });

  it("has features that are uniform from 0 to 10, the third without a meaning", async () => {
    const samples = await take({ seed: 5, noise: 0 }, 20_000);
    for (const feature of [0, 1, 2]) {
      const tenths = new Array<number>(10).fill(0);
      for (const { features } of samples) tenths[Math.floor(features[feature]!)]!++;
      // Chi-squared with 9 degrees of freedom exceeds 27.9 once in a thousand seeds.
      const chi = tenths.reduce((sum, n) => sum + (n - 2_000) ** 2 / 2_000, 0);
      expect(chi).toBeLessThan(27.9);
    }
    const mean = (label: number): number => {
      const third = samples.filter((s) => s.label === label).map(({ features }) => features[2]!);
      return third.reduce((sum, value) => sum + value, 0) / third.length;
    };
    expect(Math.abs(mean(0) - mean(1))).toBeLessThan(0.2);
  });

  it("turns the share of labels around that noise says, and changes nothing else", async () => {
    const clean = await take({ seed: 6, noise: 0 }, 20_000);
    const noisy = await take({ seed: 6, noise: 0.1 }, 20_000);
    expect(noisy.map(({ features }) => features)).toEqual(clean.map(({ features }) => features));
    const turned = noisy.filter(({ label }, i) => label !== clean[i]!.label).length;
    expect(Math.abs(turned / 20_000 - 0.1)).toBeLessThan(0.009);
    const all = await take({ seed: 6, noise: 1 }, 50);
    expect(all.map(({ label }) => 1 - label)).toEqual(clean.slice(0, 50).map((s) => s.label));
  });

  it("drifts where it is told, and makes a sample from the seed and its position alone", async () => {
    const concepts = [
      { fromSample: 0, theta: 20 },
      { fromSample: 10, theta: -1 },
    ];
    const labels = (await take({ concepts, noise: 0 }, 20)).map(({ label }) => label);
    expect(labels).toEqual([...new Array<number>(10).fill(0), ...new Array<number>(10).fill(1)]);
    const [one] = await take({ seed: 7, size: null }, 1, 10 ** 12);
    const [, same] = await take({ seed: 7, size: null }, 2, 10 ** 12 - 1);
    expect(one).toEqual(same);
    const [other] = await take({ seed: 8, size: null }, 1, 10 ** 12);
    expect(other!.features).not.toEqual(one!.features);
  });

  it("refuses numbers that are out of their ranges, and concepts out of order", () => {
    const at = (...starts: number[]): SeaOptions => ({
      concepts: starts.map((fromSample) => ({ fromSample, theta: 8 })),
    });
    for (const options of [
      { seed: -1 },
      { size: 0.5 },
      { noise: 1.1 },
      { noise: NaN },
      at(),
      at(1),
      at(0, 5, 5),
      at(0, 9, 5),
      at(0, 1.5),
      { concepts: [{ fromSample: 0, theta: Infinity }] },
    ]) {
      expect(() => sea(options)).toThrow(RangeError);
    }
  });
});

async function take(options: SeaOptions, count: number, from = 0): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of sea(options).read({ from })) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}
