import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  alarmLikelihood,
  confirmedLikelihood,
  eitherOf,
  likelihoodOf,
  recency,
} from "./likelihood.ts";

const options = fc.record({
  withinSamples: fc.integer({ min: 100, max: 100_000 }),
  changeEvery: fc.integer({ min: 500, max: 1_000_000 }),
});
const evidence = fc.double({ min: 0, max: 1e300, noNaN: true });
const age = fc.double({ min: 0, max: 1e9, noNaN: true });

describe("the likelihood of a change", () => {
  it("is a probability that rises with evidence and falls with age", () => {
    fc.assert(
      fc.property(options, evidence, evidence, age, age, (given, one, other, young, old) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        const [newer, older] = [Math.min(young, old), Math.max(young, old)];
        const low = likelihoodOf({ evidence: less, age: newer }, given);
        const high = likelihoodOf({ evidence: more, age: newer }, given);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(high).toBeGreaterThanOrEqual(low);
        expect(likelihoodOf({ evidence: less, age: older }, given)).toBeLessThanOrEqual(low);
        expect(alarmLikelihood(more, given)).toBeGreaterThanOrEqual(alarmLikelihood(less, given));
      }),
    );
  });

  it("is a posterior: over what a stable stream shows the Bayes factor is 1 on average", () => {
    const given = { withinSamples: 1_000, changeEvery: 5_000 };
    const prior = Math.expm1(0.2);
    // p of a stable stream is uniform; N = s (1 − p) / p with s = 1,000.
    let mean = 0;
    // In equal parts of ln p, down to where a probability near 1 has no digits left.
    const [steps, lowest] = [20_000, Math.log(1e-12)];
    for (let i = 0; i < steps; i++) {
      const p = Math.exp((lowest * (i + 0.5)) / steps);
      const likelihood = likelihoodOf({ evidence: (1_000 * (1 - p)) / p, age: 0 }, given);
      mean += ((likelihood / (1 - likelihood) / prior) * p * -lowest) / steps;
    }
    expect(mean).toBeGreaterThan(0.99);
    expect(mean).toBeLessThan(1);
  });

  it("is that of one of a true and so many false alarms at an alarm", () => {
    // Three true changes in five are seen: 3 in 25,000 samples, against a false one in 20,000.
    const given = { withinSamples: 1_000, changeEvery: 5_000 };
    expect(alarmLikelihood(20_000, given)).toBeCloseTo(3 / 25_000 / (3 / 25_000 + 1 / 20_000), 12);
  });

  it("goes on from one alarm to the next", () => {
    expect(eitherOf(0, 0.3)).toBeCloseTo(0.3);
    expect(eitherOf(0.5, 0.5)).toBe(0.75);
    expect(confirmedLikelihood(0.5)).toBeCloseTo(20 / 21);
    expect(confirmedLikelihood(1)).toBe(1);
    expect(recency(0, 1_000)).toBe(1);
    expect(recency(1_000, 1_000)).toBe(0.5);
    expect(recency(1e9, 1_000)).toBeCloseTo(0, 20);
  });
});
