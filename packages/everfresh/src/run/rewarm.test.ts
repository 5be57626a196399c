import { adam, learningRateAt, type Schedule, sgd } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { optimizerAfter } from "./rewarm.ts";

const rollback = {
  version: 20,
  toVersion: 5,
  excluded: null,
  optimizerReset: true,
  timeMs: 0,
} as const;

const rates = (learningRate: number | Schedule): readonly number[] =>
  [0, 49, 100, 5_000].map((step) => learningRateAt(learningRate, step));

describe("the optimizer after a rollback", () => {
  it("begins with a rise of its learning rate", () => {
    const { learningRate } = optimizerAfter(adam({ learningRate: 0.1 }), [rollback], 20);
    const [first, middle, full, later] = rates(learningRate);
    expect(first).toBeCloseTo(0.001);
    expect(middle).toBeCloseTo(0.05, 2);
    expect([full, later]).toEqual([0.1, 0.1]);
  });

  it("is as it was before that rollback, and where it was kept", () => {
    const spec = sgd({ learningRate: 0.1 });
    expect(optimizerAfter(spec, [rollback], 19)).toEqual(spec);
    expect(optimizerAfter(spec, [{ ...rollback, optimizerReset: false }], 30)).toEqual(spec);
  });

  it("keeps a rise that its schedule has, and gives one to a cosine without", () => {
    const own = { kind: "warmUp", learningRate: 0.1, warmUpSteps: 7 } as const;
    const after = (learningRate: Schedule) =>
      optimizerAfter(sgd({ learningRate }), [rollback], 30).learningRate;
    expect(after(own)).toEqual(own);
    const cosine = { kind: "cosine", learningRate: 0.1, steps: 1_000 } as const;
    expect(after(cosine)).toEqual({ ...cosine, warmUpSteps: 100 });
    expect(after({ kind: "rewarmUp", schedule: cosine, at: [500] })).toEqual(after(cosine));
    const steps = { kind: "step", learningRate: 0.1, every: 10 } as const;
    expect(after(steps)).toEqual(steps);
    expect(rates(after({ kind: "constant", learningRate: 1 }))[0]).toBeCloseTo(0.01);
  });
});
