import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { samplerConformance } from "./sampler.conformance.ts";
import { uniformSampler } from "./uniform.ts";

samplerConformance("uniform", uniformSampler);

describe("uniform sampler", () => {
  it("draws every position equally often", () => {
    const [count, limit, draws] = [30, 100, 20_000];
    const sampler = uniformSampler(new Random(1));
    const hits = new Float64Array(limit);
    for (let i = 0; i < draws; i++) for (const at of sampler.draw(count, limit)) hits[at]!++;
    // Hits of one position are binomial(draws, p) with p = count / limit; those of all positions add
    // up to a constant, so Σ (hits − draws·p)² / (draws·p·(1 − p)) · (limit − 1) / limit is χ²(99).
    const p = count / limit;
    let chiSquare = 0;
    for (const hit of hits) chiSquare += (hit - draws * p) ** 2 / (draws * p * (1 - p));
    chiSquare *= (limit - 1) / limit;
    expect(chiSquare).toBeLessThan(148.2); // 99.9 % quantile
    expect(chiSquare).toBeGreaterThan(60.1); // 0.05 % quantile: suspiciously even otherwise
  });

  it("draws every subset equally often", () => {
    const sampler = uniformSampler(new Random(2));
    const seen = new Map<string, number>();
    const draws = 40_000;
    for (let i = 0; i < draws; i++) {
      const key = [...sampler.draw(3, 6)].sort().join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(20);
    const expected = draws / 20;
    const chiSquare = [...seen.values()].reduce(
      (sum, n) => sum + (n - expected) ** 2 / expected,
      0,
    );
    expect(chiSquare).toBeLessThan(43.8); // 99.9 % quantile of χ²(19)
  });

  it("needs as many random numbers for a history of a billion as for a short one", () => {
    const sampler = uniformSampler(new Random(3));
    sampler.draw(120, 1_000_000_000);
    // One word per position, and a rejection now and then.
    expect(sampler.position.drawn).toBeLessThan(200);
  });

  it("takes the whole of a short history without using up random numbers", () => {
    const sampler = uniformSampler(new Random(4));
    expect(sampler.draw(5, 3)).toEqual([0, 1, 2]);
    expect(sampler.draw(5, 0)).toEqual([]);
    expect(sampler.position.drawn).toBe(0);
  });
});
