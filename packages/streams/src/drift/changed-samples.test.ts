import type { Sample } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { sourceConformance } from "../sources/source.conformance.ts";
import type { Source } from "../sources/source.ts";
import { sea } from "./sea.ts";
import { shiftedFeatures } from "./shifted-features.ts";
import { swappedLabels } from "./swapped-labels.ts";

const plain = sea({ seed: 1, size: 300 });
const swapped = swappedLabels(plain, { fromSample: 100 });
const shifted = shiftedFeatures(plain, { fromSample: 100, features: [2], by: 5 });

sourceConformance("swapped labels", () => swapped);
sourceConformance("shifted features", () => shifted);

describe("a source that changes from a sample on", () => {
  it("has the labels of two classes exchanged, and the same features", async () => {
    const [before, after] = [await all(plain), await all(swapped)];
    expect(after.slice(0, 100)).toEqual(before.slice(0, 100));
    const turned = before.slice(100).map((sample) => ({ ...sample, label: 1 - sample.label }));
    expect(after.slice(100)).toEqual(turned);
  });

  it("has features moved, and the same labels", async () => {
    const [before, after] = [await all(plain), await all(shifted)];
    expect(after.slice(0, 100)).toEqual(before.slice(0, 100));
    const moved = before.slice(100).map(({ features: [a, b, c], ...sample }) => ({
      ...sample,
      features: Float32Array.of(a!, b!, Math.fround(c! + 5)),
    }));
    expect(after.slice(100)).toEqual(moved);
  });

  it("changes where it would wherever reading starts", async () => {
    expect(await all(swapped, 90)).toEqual((await all(swapped)).slice(90));
    expect(await all(swapped, 150)).toEqual((await all(swapped)).slice(150));
  });

  it("refuses numbers that are out of their ranges", () => {
    expect(() => swappedLabels(plain, { fromSample: -1 })).toThrow(RangeError);
    expect(() => swappedLabels(plain, { fromSample: 0, classes: [0, 2] })).toThrow(RangeError);
    expect(() => shiftedFeatures(plain, { fromSample: 0, features: [3], by: 1 })).toThrow(
      RangeError,
    );
    expect(() => shiftedFeatures(plain, { fromSample: 0, features: [0], by: NaN })).toThrow(
      RangeError,
    );
  });
});

async function all(source: Source, from = 0): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read({ from })) samples.push(sample);
  return samples;
}
