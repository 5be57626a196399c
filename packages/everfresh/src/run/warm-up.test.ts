import { adam, learningRateAt, mlp, type Schedule, sgd } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { fullRetraining, online, proactive } from "../config/strategies.ts";
import { optimizerOfRun, WARM_UP_STEPS, warmUpStepsOf } from "./warm-up.ts";

const rollback = {
  version: 20,
  toVersion: 5,
  excluded: null,
  optimizerReset: true,
  timeMs: 0,
} as const;

const rates = (learningRate: number | Schedule): readonly number[] =>
  [0, 149, 300, 5_000].map((step) => learningRateAt(learningRate, step));

const COSINE = { kind: "cosine", learningRate: 0.1, steps: 1_000 } as const;
const FALL = { kind: "inverseSquareRoot", learningRate: 0.1, steps: 50 } as const;
const STEPS = { kind: "step", learningRate: 0.1, every: 10 } as const;
const OWN_RISE = { kind: "warmUp", learningRate: 0.1, warmUpSteps: 7 } as const;

describe("the optimizer after a rollback", () => {
  const after = (learningRate: number | Schedule): number | Schedule =>
    optimizerOfRun(sgd({ learningRate }), { warmUpSteps: 0, rollbacks: [rollback], version: 30 })
      .learningRate;

  it("begins with a rise of its learning rate", () => {
    const [first, middle, full, later] = rates(after(0.1));
    expect(first).toBeCloseTo(0.1 / 300, 9);
    expect(middle).toBeCloseTo(0.05, 2);
    expect([full, later]).toEqual([0.1, 0.1]);
  });

  it("is as it was before that rollback, and where it was kept", () => {
    const spec = sgd({ learningRate: 0.1 });
    const none = { warmUpSteps: 0, version: 19 };
    expect(optimizerOfRun(spec, { ...none, rollbacks: [rollback] })).toEqual(spec);
    const rollbacks = [{ ...rollback, optimizerReset: false }];
    expect(optimizerOfRun(spec, { ...none, version: 30, rollbacks })).toEqual(spec);
  });

  it("keeps a rise that its schedule has, and gives one to a fall without", () => {
    expect(after(OWN_RISE)).toEqual(OWN_RISE);
    expect(after(COSINE)).toEqual({ ...COSINE, warmUpSteps: WARM_UP_STEPS });
    expect(after(FALL)).toEqual({ ...FALL, warmUpSteps: WARM_UP_STEPS });
    expect(after({ kind: "rewarmUp", schedule: COSINE, at: [500] })).toEqual(after(COSINE));
    expect(after(STEPS)).toEqual(STEPS);
    expect(rates(after({ kind: "constant", learningRate: 1 }))[0]).toBeCloseTo(1 / 300, 9);
  });
});

describe("the optimizer of a run from trained weights", () => {
  const started = (learningRate: number | Schedule): number | Schedule =>
    optimizerOfRun(adam({ learningRate }), { warmUpSteps: 40, rollbacks: [], version: 7 })
      .learningRate;

  it("has a constant learning rate rise over the steps that were recorded", () => {
    const rise = { kind: "warmUp", learningRate: 0.1, warmUpSteps: 40 };
    expect(started(0.1)).toEqual(rise);
    expect(started({ kind: "constant", learningRate: 0.1 })).toEqual(rise);
  });

  it.each<Schedule>([OWN_RISE, COSINE, STEPS, { kind: "rewarmUp", schedule: COSINE, at: [5] }])(
    "keeps every other schedule (%j)",
    (schedule) => expect(started(schedule)).toEqual(schedule),
  );

  it("rises once more after a rollback that reset it", () => {
    const past = { warmUpSteps: 40, rollbacks: [rollback], version: 20 };
    expect(optimizerOfRun(adam({ learningRate: 0.1 }), past).learningRate).toEqual({
      ...{ kind: "warmUp", learningRate: 0.1, warmUpSteps: WARM_UP_STEPS },
    });
  });
});

describe("the rise that a run starts with", () => {
  const fresh = {
    model: mlp({ inputs: 4, hidden: [2], outputs: 2 }),
    strategy: proactive(),
    optimizer: adam(),
  };
  const fromFile = { ...fresh, model: "model.onnx" };

  it("is there for a model from a file, and for weights that are called trained", () => {
    expect(warmUpStepsOf(fromFile)).toBe(WARM_UP_STEPS);
    expect(warmUpStepsOf({ ...fresh, weights: "trained", strategy: online() })).toBe(WARM_UP_STEPS);
  });

  it.each([
    ["for a model from a builder", fresh],
    ["where the file is said to hold fresh weights", { ...fromFile, weights: "fresh" as const }],
    [
      "where a whole retraining is deployed at once",
      { ...fromFile, strategy: fullRetraining({ every: { samples: 9 } }) },
    ],
    ["where the strategy never trains", { ...fromFile, strategy: { kind: "frozen" as const } }],
    [
      "where the rate follows a schedule",
      { ...fromFile, optimizer: sgd({ learningRate: COSINE }) },
    ],
  ])("is not there %s", (_what, definition) => {
    expect(warmUpStepsOf(definition)).toBe(0);
  });
});
