import { describe, expect, it } from "vitest";
import { FeatureBlocks } from "./feature-blocks.ts";

describe("what is looked at of features", () => {
  it("is each of a few, by its name", () => {
    const blocks = new FeatureBlocks(3, ["age", "height"]);
    expect(blocks.names).toEqual(["age", "height", "feature 2"]);
    const row = Float32Array.of(1, NaN, 3);
    expect(blocks.of(row)).toBe(row);
  });

  it("is the means of 32 blocks of neighbours of many, together all of them", () => {
    const blocks = new FeatureBlocks(784);
    expect(blocks.count).toBe(32);
    expect(blocks.names[0]).toBe("feature 0 to 23");
    expect(blocks.names[31]).toBe("feature 759 to 783");
    const row = Float64Array.from({ length: 784 }, (_, i) => i);
    const means = Array.from(blocks.of(row)!);
    const ends = Array.from({ length: 33 }, (_, i) => Math.floor((i * 784) / 32));
    expect(means).toEqual(ends.slice(1).map((to, i) => (ends[i]! + to - 1) / 2));
  });

  it("leaves out what is missing of a block, and has a missing block where all is", () => {
    const row = new Float64Array(64 * 2).fill(2);
    row[0] = NaN;
    row.fill(Infinity, 4, 8);
    const means = new FeatureBlocks(128).of(row)!;
    expect([means[0], means[1], means[2]]).toEqual([2, NaN, 2]);
  });

  it("is nothing of a row of another length", () => {
    expect(new FeatureBlocks(3).of([1, 2])).toBeNull();
    expect(new FeatureBlocks(100).of([1, 2])).toBeNull();
  });
});
