import { Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classBalancedSampler } from "./class-balanced.ts";
import { excluding, type PositionRange } from "./excluding.ts";
import { samplerConformance } from "./sampler.conformance.ts";
import { uniformSampler } from "./uniform.ts";

samplerConformance("excluding nothing", (random) => excluding(uniformSampler(random), []));

const ranges = fc.array(
  fc.tuple(fc.nat(300), fc.nat(60)).map(([from, length]) => ({ from, to: from + length })),
  { maxLength: 5 },
);
const isIn = (list: readonly PositionRange[], at: number): boolean =>
  list.some(({ from, to }) => at >= from && at < to);

describe("a sampler that excludes ranges", () => {
  it("draws distinct positions below the limit and outside the ranges, as many as there are", () => {
    fc.assert(
      fc.property(ranges, fc.nat(100), fc.nat(400), fc.nat(), (excluded, count, limit, seed) => {
        const sampler = excluding(uniformSampler(new Random(seed)), excluded);
        const allowed = Array.from({ length: limit }, (_, at) => at).filter(
          (at) => !isIn(excluded, at),
        );
        const drawn = sampler.draw(count, limit);
        expect(drawn).toHaveLength(Math.min(count, allowed.length));
        expect(new Set(drawn).size).toBe(drawn.length);
        for (const at of drawn) expect(at < limit && !isIn(excluded, at)).toBe(true);
        expect([...sampler.draw(limit, limit)]).toEqual(allowed);
      }),
    );
  });

  it("draws every allowed position equally often", () => {
    const sampler = excluding(uniformSampler(new Random(1)), [
      { from: 10, to: 40 },
      { from: 60, to: 70 },
    ]);
    const hits = new Float64Array(100);
    for (let i = 0; i < 10_000; i++) for (const at of sampler.draw(12, 100)) hits[at]!++;
    const allowed = hits.filter((_, at) => !(at >= 10 && at < 40) && !(at >= 60 && at < 70));
    // Binomial(10,000, 0.2): a standard deviation of 40.
    for (const count of allowed) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });

  it("knows the facts of the positions that are left, not of those that moved up", () => {
    // Class 1 is every tenth position; without alignment a range of 33 would shift it.
    const sampler = excluding(classBalancedSampler(new Random(4)), [{ from: 20, to: 53 }]);
    const label = (at: number): number => (at % 10 === 0 ? 1 : 0);
    const facts = Array.from({ length: 200 }, (_, at) => ({ eventTimeMs: at, label: label(at) }));
    sampler.observe?.(facts.slice(0, 40));
    sampler.observe?.(facts.slice(40));
    const drawn = sampler.draw(20, 200);
    expect(drawn.filter((at) => label(at) === 1)).toHaveLength(10);
  });

  it("goes on from a stored position with the draws that would have followed", () => {
    const excluded = [{ from: 5, to: 25 }];
    const whole = excluding(uniformSampler(new Random(3)), excluded);
    whole.draw(10, 80);
    const resumed = excluding(uniformSampler(Random.at(whole.position)), excluded);
    expect(resumed.draw(10, 88)).toEqual(whole.draw(10, 88));
  });
});
