import { Random } from "@everfresh/core";
import { memoryHistory } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { batchPositions, observeHistory } from "./batch-positions.ts";
import { chiSquare, chiSquareLimit, histogram } from "./chi-square.fixture.ts";
import { classBalancedSampler } from "./class-balanced.ts";
import { newOnlyByChance } from "./new-only-by-chance.ts";
import { noSampler } from "./no-sampler.ts";
import { uniformSampler } from "./uniform.ts";

describe("batchPositions", () => {
  it("puts the new samples first and draws the old ones from before them", () => {
    const sampler = uniformSampler(new Random(1));
    const positions = batchPositions(sampler, { past: 50, fresh: 4, old: 12 });
    expect(positions.slice(0, 4)).toEqual([50, 51, 52, 53]);
    expect(positions).toHaveLength(16);
    expect(positions.slice(4).every((at) => at < 50)).toBe(true);
  });

  it("has only the new samples without a sampler", () => {
    const request = { past: 50, fresh: 2, old: 12 };
    expect(batchPositions(noSampler(new Random(1)), request)).toEqual([50, 51]);
  });

  it("lets new samples in only by chance where the sampler draws from all", () => {
    const sampler = newOnlyByChance(uniformSampler(new Random(1)));
    const request = { past: 36, fresh: 4, old: 6 };
    const draws = Array.from({ length: 20_000 }, () => batchPositions(sampler, request));
    expect(draws.every((batch) => batch.length === 10)).toBe(true);
    const p = 10 / 40;
    const expected = new Array<number>(40).fill(20_000 * p);
    const value = chiSquare(histogram(draws.flat(), 40), expected) / (1 - p);
    expect((value * 39) / 40).toBeLessThan(chiSquareLimit(39));
  });
});

describe("observeHistory", () => {
  it("tells a sampler what it needs, in slices, and reads nothing for one that needs nothing", async () => {
    await using history = memoryHistory();
    const count = 70_000;
    const features = new Uint8Array(1);
    await history.append(
      Array.from({ length: count }, (_, i) => ({
        id: `${i}`,
        eventTimeMs: i,
        features,
        label: i % 10 === 0 ? 1 : 0,
      })),
    );
    const sampler = classBalancedSampler(new Random(1));
    await observeHistory(sampler, history, { from: 0, to: 10 });
    await observeHistory(sampler, history, { from: 10, to: count });
    const drawn = sampler.draw(100, count);
    expect(drawn.filter((at) => at % 10 === 0)).toHaveLength(50);
    const unread = { facts: () => Promise.reject(new Error("was read")) };
    await observeHistory(uniformSampler(new Random(1)), unread, { from: 0, to: count });
  });
});
