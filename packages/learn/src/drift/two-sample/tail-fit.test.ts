import { Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TailFit } from "./tail-fit.ts";

const chances = fc.array(fc.double({ min: 0, max: 5, noNaN: true }), {
  minLength: 20,
  maxLength: 300,
});

describe("the tail of what chance gives", () => {
  it("is by rank where resamples are enough", () => {
    fc.assert(
      fc.property(chances, fc.double({ min: 0, max: 5, noNaN: true }), (chance, value) => {
        const tail = Math.min(chance.length, Math.max(10, Math.floor(chance.length / 10)));
        const sorted = [...chance].sort((a, b) => b - a);
        if (value > (sorted[tail - 1] ?? 0)) return;
        const asLarge = chance.filter((each) => each >= value).length;
        expect(new TailFit(chance).pValue(value)).toBeCloseTo((asLarge + 1) / (chance.length + 1));
      }),
    );
  });

  it("falls with the value, stays above 0, and is undone by the value of a probability", () => {
    fc.assert(
      fc.property(chances, fc.double({ min: 1e-12, max: 0.9, noNaN: true }), (chance, p) => {
        const fit = new TailFit(chance);
        const values = [0, 1, 2, 4, 8, 1e6];
        const found = values.map((value) => fit.pValue(value));
        for (const [i, each] of found.entries()) {
          expect(each).toBeGreaterThan(0);
          if (i > 0) expect(each).toBeLessThanOrEqual(found[i - 1]! * 1.2);
        }
        const value = fit.valueAt(p);
        if (Number.isFinite(value))
          expect(fit.pValue(value + 1e-9)).toBeLessThanOrEqual(p * 1.2 + 0.1);
      }),
    );
  });

  it("knows rare values of an exponential distribution, and never calls normal ones too rare", () => {
    const random = new Random(3);
    const exponential = Array.from({ length: 2_000 }, () => -Math.log(1 - random.float()));
    const rare = new TailFit(exponential).pValue(-Math.log(1e-5));
    expect(rare).toBeGreaterThan(1e-6);
    expect(rare).toBeLessThan(1e-4);
    const normal = Array.from({ length: 2_000 }, () => random.normal());
    // P(x > 4.26) = 10⁻⁵
    expect(new TailFit(normal).pValue(4.26)).toBeGreaterThan(1e-5);
  });

  it("does without a tail where chance gives one value only", () => {
    const fit = new TailFit(new Array<number>(99).fill(2));
    expect(fit.pValue(2)).toBe(1);
    expect(fit.pValue(3)).toBe(0.01);
    expect(fit.valueAt(0.001)).toBe(Infinity);
  });
});
