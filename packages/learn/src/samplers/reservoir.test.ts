import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { chiSquare, chiSquareLimit, histogram } from "./chi-square.fixture.ts";
import { reservoirSampler } from "./reservoir.ts";
import { samplerConformance } from "./sampler.conformance.ts";

samplerConformance("reservoir", (random) => reservoirSampler(random, 50), {
  sizeOf: (count, limit) => Math.min(count, limit, 50),
});

describe("reservoir sampler", () => {
  it("keeps every subset of the past equally often", () => {
    const [n, capacity, runs] = [6, 3, 40_000];
    const seen = new Map<string, number>();
    for (let run = 0; run < runs; run++) {
      const sampler = reservoirSampler(new Random(run), capacity);
      // In steps of any size.
      for (let limit = run % 4; limit < n; limit += 1 + (run % 3)) sampler.kept(limit);
      const key = sampler.kept(n).join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(20);
    const expected = new Array<number>(20).fill(runs / 20);
    expect(chiSquare([...seen.values()], expected)).toBeLessThan(chiSquareLimit(19));
  });

  it("keeps early and late positions of a long stream equally often", () => {
    const [n, capacity, runs, cells] = [10_000, 40, 2_000, 20];
    const kept = Array.from({ length: runs }, (_, run) =>
      reservoirSampler(new Random(run), capacity).kept(n),
    ).flat();
    const observed = histogram(
      kept.map((at) => Math.floor((at * cells) / n)),
      cells,
    );
    const expected = new Array<number>(cells).fill((runs * capacity) / cells);
    expect(chiSquare(observed, expected)).toBeLessThan(chiSquareLimit(cells - 1));
  });

  it("draws each past position with probability k / n, but always the same few in one run", () => {
    const [n, capacity, count, runs] = [60, 12, 4, 12_000];
    const drawn = Array.from({ length: runs }, (_, run) =>
      reservoirSampler(new Random(run), capacity).draw(count, n),
    ).flat();
    const expected = new Array<number>(n).fill((runs * count) / n);
    expect(chiSquare(histogram(drawn, n), expected)).toBeLessThan(chiSquareLimit(n - 1));
    const one = reservoirSampler(new Random(1), capacity);
    const seen = new Set(Array.from({ length: 500 }, () => one.draw(count, n)).flat());
    expect([...seen].sort((a, b) => a - b)).toEqual(one.kept(n));
  });

  it("takes few random numbers for a long stream", () => {
    const sampler = reservoirSampler(new Random(1), 100);
    sampler.kept(1_000_000);
    // About capacity · ln(n / capacity) positions enter after the first 100: 921, at 5 words each.
    expect(sampler.position.drawn).toBeLessThan(8_000);
  });

  it("stays a uniform part of what is left when positions are gone", () => {
    const [n, capacity, runs] = [80, 10, 12_000];
    const gone = (at: number): boolean => at >= 20 && at < 50;
    const renumbered = (at: number): number | null => (gone(at) ? null : at >= 50 ? at - 30 : at);
    const kept: number[] = [];
    for (let run = 0; run < runs; run++) {
      const before = reservoirSampler(new Random(run), capacity);
      before.kept(n);
      const after = reservoirSampler(Random.at(before.position), capacity);
      after.restore?.(before.checkpoint?.() ?? new Uint8Array(), renumbered);
      kept.push(...after.kept(100));
    }
    const observed = histogram(kept, 100);
    const expected = new Array<number>(100).fill(kept.length / 100);
    expect(chiSquare(observed, expected)).toBeLessThan(chiSquareLimit(99));
  });

  it("refuses a checkpoint of another capacity", () => {
    const bytes = reservoirSampler(new Random(1), 5).checkpoint?.() ?? new Uint8Array();
    expect(() => reservoirSampler(new Random(1), 6).restore?.(bytes)).toThrow(/capacity of 5/);
  });
});
