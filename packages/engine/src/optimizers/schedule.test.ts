import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSchedule, learningRateAt, type Schedule } from "./schedule.ts";

// Made by bench/peers/golden_optimizers.py with torch.optim.lr_scheduler.
const golden = JSON.parse(
  readFileSync(new URL("./optimizers.golden.json", import.meta.url), "utf8"),
) as {
  readonly schedules: readonly {
    readonly name: string;
    readonly schedule: Schedule;
    readonly rates: readonly number[];
  }[];
};

const cosine = { kind: "cosine", learningRate: 0.5, steps: 10, minimum: 0.1 } as const;

describe("schedules", () => {
  it.each(golden.schedules)("$name follows torch's scheduler", ({ schedule, rates }) => {
    checkSchedule(schedule);
    rates.forEach((rate, step) => {
      const deviation = Math.abs(learningRateAt(schedule, step) - rate);
      expect(deviation, `step ${step}`).toBeLessThan(1e-12);
    });
  });

  it("are the number itself where there is none", () => {
    expect(learningRateAt(0.25, 1_000)).toBe(0.25);
  });

  it("stay at the minimum after a cosine", () => {
    for (const step of [10, 11, 1_000]) expect(learningRateAt(cosine, step)).toBeCloseTo(0.1, 12);
  });

  it("fall to a half in three times the steps of an inverse square root, and never end", () => {
    const fall = {
      kind: "inverseSquareRoot",
      learningRate: 0.5,
      steps: 40,
      warmUpSteps: 9,
    } as const;
    expect(learningRateAt(fall, 9)).toBe(0.5);
    expect(learningRateAt(fall, 9 + 120)).toBeCloseTo(0.25, 12);
    for (const step of [1e4, 1e6, 1e9]) {
      const rate = learningRateAt(fall, step);
      expect(rate).toBeGreaterThan(0);
      expect(learningRateAt(fall, 4 * step) / rate).toBeCloseTo(0.5, 2);
    }
  });

  it("never go above the rate they are given, nor below 0", () => {
    const step = fc.integer({ min: 0, max: 500 });
    const schedule = fc.constantFrom(...golden.schedules.map((entry) => entry.schedule));
    fc.assert(
      fc.property(schedule, step, (any, at) => {
        const highest = any.kind === "rewarmUp" ? any.schedule.learningRate : any.learningRate;
        const rate = learningRateAt(any, at);
        expect(rate).toBeGreaterThanOrEqual(0);
        expect(rate).toBeLessThanOrEqual(highest * (1 + 1e-12));
      }),
    );
  });

  it("begin anew at the steps of a re-warm-up, whatever came before", () => {
    const schedule = { ...cosine, warmUpSteps: 5 };
    const again: Schedule = { kind: "rewarmUp", schedule, at: [3, 40] };
    for (let step = 0; step < 80; step++) {
      const since = step < 3 ? 0 : step < 40 ? 3 : 40;
      expect(learningRateAt(again, step)).toBe(learningRateAt(schedule, step - since));
    }
  });

  it.each<Schedule>([
    { kind: "constant", learningRate: 0 },
    { kind: "step", learningRate: 0.1, every: 0 },
    { kind: "step", learningRate: 0.1, every: 1, factor: 0 },
    { ...cosine, steps: 1.5 },
    { ...cosine, minimum: 0.6 },
    { ...cosine, warmUpSteps: -1 },
    { kind: "inverseSquareRoot", learningRate: 0.1, steps: 0 },
    { kind: "inverseSquareRoot", learningRate: Infinity, steps: 1 },
    { kind: "inverseSquareRoot", learningRate: 0.1, steps: 1, warmUpSteps: 0.5 },
    { kind: "inverseSquareRoot", learningRate: 0.1, steps: 1, warmUpFactor: -1 },
    { kind: "warmUp", learningRate: 0.1, warmUpSteps: 0 },
    { kind: "warmUp", learningRate: 0.1, warmUpSteps: 1, warmUpFactor: 1.1 },
    { kind: "rewarmUp", schedule: cosine, at: [5, 5] },
    { kind: "rewarmUp", schedule: cosine, at: [0] },
  ])("that cannot work are refused (%#)", (schedule) => {
    expect(() => checkSchedule(schedule)).toThrow(RangeError);
  });
});
