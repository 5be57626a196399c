import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { chiSquare, chiSquareLimit, histogram } from "./chi-square.fixture.ts";
import { newOnlyByChance } from "./new-only-by-chance.ts";
import { noSampler } from "./no-sampler.ts";
import { rollingSampler } from "./rolling.ts";
import { samplerConformance } from "./sampler.conformance.ts";
import { uniformSampler } from "./uniform.ts";
import { windowSampler } from "./window.ts";

samplerConformance("window", (random) => windowSampler(random, 60));
samplerConformance("rolling", rollingSampler);
samplerConformance("none", noSampler, { sizeOf: () => 0 });
samplerConformance("new only by chance", (random) => newOnlyByChance(uniformSampler(random)));
samplerConformance("new only by chance, rolling", (random) =>
  newOnlyByChance(rollingSampler(random)),
);

describe("window sampler", () => {
  it("draws each of the newest equally often, and no other", () => {
    const [width, count, limit, draws] = [40, 10, 100, 20_000];
    const sampler = windowSampler(new Random(1), width);
    const drawn = Array.from({ length: draws }, () => sampler.draw(count, limit)).flat();
    const hits = histogram(drawn, limit);
    expect(hits.slice(0, limit - width).every((hit) => hit === 0)).toBe(true);
    // Without replacement: the hits of a position have the variance draws · p · (1 − p).
    const p = count / width;
    const expected = new Array<number>(width).fill(draws * p);
    const value = chiSquare(hits.slice(limit - width), expected);
    expect((value / (1 - p)) * ((width - 1) / width)).toBeLessThan(chiSquareLimit(width - 1));
  });

  it("is never narrower than a draw: a width of 1 draws the newest", () => {
    const sampler = windowSampler(new Random(2), 1);
    expect(sampler.draw(4, 50)).toEqual([46, 47, 48, 49]);
    expect(sampler.draw(4, 2)).toEqual([0, 1]);
  });
});

describe("rolling sampler", () => {
  it("draws every position once per round, and those that came meanwhile at its end", () => {
    const sampler = rollingSampler(new Random(1));
    expect(sampler.draw(3, 5)).toEqual([0, 1, 2]);
    expect(sampler.draw(3, 7)).toEqual([3, 4, 5]);
    expect(sampler.draw(3, 7)).toEqual([6, 0, 1]);
    expect(sampler.draw(9, 7)).toEqual([2, 3, 4, 5, 6, 0, 1]);
    expect(sampler.position.drawn).toBe(0);
  });

  it("goes on after what it drew last when positions are gone", () => {
    const sampler = rollingSampler(new Random(1));
    sampler.draw(6, 10);
    const shorter = rollingSampler(new Random(1));
    // Positions 4 to 7 are gone.
    shorter.restore?.(sampler.checkpoint?.() ?? new Uint8Array(), (position) =>
      position < 4 ? position : position < 8 ? null : position - 4,
    );
    expect(shorter.draw(2, 6)).toEqual([4, 5]);
  });
});
