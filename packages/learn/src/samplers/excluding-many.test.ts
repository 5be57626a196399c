import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { excluding } from "./excluding.ts";
import { uniformSampler } from "./uniform.ts";

describe("a sampler that excludes single positions", () => {
  it("draws from all the others, however many they are and wherever they lie", () => {
    const limit = 30_000;
    const isErased = (at: number): boolean => at % 3 === 0 || at === limit - 1;
    const erased = Array.from({ length: limit }, (_, at) => at).filter(isErased);
    const ranges = erased.map((at) => ({ from: at, to: at + 1 }));
    const sampler = excluding(uniformSampler(new Random(1)), ranges);
    const all = sampler.draw(limit, limit);
    expect(all).toHaveLength(limit - erased.length);
    expect(all.some(isErased)).toBe(false);
    expect(new Set(all).size).toBe(all.length);
  });
});
