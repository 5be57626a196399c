import { Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sampler } from "./sampler.ts";

/** What every sampler keeps; `make` builds one on the given random numbers. */
export function samplerConformance(name: string, make: (random: Random) => Sampler): void {
  describe(`${name} as a sampler`, () => {
    it("draws distinct positions below the limit, as many as asked or as there are", () => {
      fc.assert(
        fc.property(fc.nat(300), fc.nat(400), fc.nat(), (count, limit, seed) => {
          const drawn = make(new Random(seed)).draw(count, limit);
          expect(drawn).toHaveLength(Math.min(count, limit));
          expect(new Set(drawn).size).toBe(drawn.length);
          expect(drawn.every((at) => Number.isSafeInteger(at) && at >= 0 && at < limit)).toBe(true);
        }),
      );
    });

    it("gives the same draws for the same seed", () => {
      const [a, b] = [make(new Random(7)), make(new Random(7))];
      for (let limit = 0; limit < 200; limit += 8) {
        expect(a.draw(24, limit)).toEqual(b.draw(24, limit));
      }
    });

    it("goes on from a stored position with the draws that would have followed", () => {
      const uninterrupted = make(new Random(11, 3));
      for (let limit = 0; limit < 100; limit += 8) uninterrupted.draw(24, limit);
      const resumed = make(Random.at(uninterrupted.position));
      for (let limit = 100; limit < 200; limit += 8) {
        expect(resumed.draw(24, limit)).toEqual(uninterrupted.draw(24, limit));
      }
      expect(resumed.position).toEqual(uninterrupted.position);
    });
  });
}
