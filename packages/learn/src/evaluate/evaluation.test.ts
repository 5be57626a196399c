import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binnedAuc, binOfProbability, exactAuc } from "./auc.ts";
import { ClassBaselines, NumberBaselines } from "./baselines.ts";
import type { ClassObservation } from "./class-statistics.ts";
import { classEvaluation, numberEvaluation } from "./evaluation.ts";
import type { EvaluationSpec } from "./evaluation-spec.ts";
import { softmaxRows } from "./softmax.ts";

type ClassSpec = EvaluationSpec & { readonly target: { readonly kind: "classes" } };
const CLASSES = 3;
const spec: ClassSpec = {
  target: { kind: "classes", count: CLASSES },
  windowSamples: 12,
  fadingFactor: 0.9,
  calibrationBins: 4,
};

const label = fc.nat(CLASSES - 1);
const answer = fc.option(label, { nil: null });
const observations: fc.Arbitrary<ClassObservation> = fc
  .record({
    label,
    logits: fc.array(fc.double({ min: -8, max: 8, noNaN: true }), {
      minLength: CLASSES,
      maxLength: CLASSES,
    }),
    noChange: answer,
    majority: answer,
  })
  .map(({ logits, ...rest }) => ({ ...rest, probabilities: softmaxRows(logits, 1)[0]! }));
const weighted = fc.tuple(observations, fc.constantFrom(0, 0.25, 1, 3));
const streams = fc.array(weighted, { maxLength: 40 });

describe("the evaluation of classes", () => {
  it("goes on from a checkpoint to the last bit, whenever it is made", () => {
    fc.assert(
      fc.property(streams, streams, (before, after) => {
        const uninterrupted = classEvaluation(spec);
        for (const [observation, weight] of before) uninterrupted.record(observation, weight);
        const resumed = classEvaluation(spec, uninterrupted.checkpoint());
        expect(resumed.scores()).toEqual(uninterrupted.scores());
        for (const [observation, weight] of after) {
          for (const each of [uninterrupted, resumed]) each.record(observation, weight);
        }
        expect(resumed.scores()).toEqual(uninterrupted.scores());
        expect(resumed.checkpoint()).toEqual(uninterrupted.checkpoint());
      }),
    );
  });

  it("has in the window what an evaluation of its samples alone has", () => {
    fc.assert(
      fc.property(streams, (stream) => {
        const whole = classEvaluation(spec);
        for (const [observation, weight] of stream) whole.record(observation, weight);
        const part = classEvaluation(spec);
        for (const [observation, weight] of stream.slice(-12)) part.record(observation, weight);
        expect(whole.scores().window).toEqual(part.scores().window);
      }),
    );
  });

  it("counts a weight of 3 as three samples, and one of 0 as none", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(observations, fc.nat(3)), { maxLength: 10 }), (stream) => {
        const wide = { ...spec, windowSamples: 100 };
        const [by, times] = [classEvaluation(wide), classEvaluation(wide)];
        for (const [observation, weight] of stream) {
          by.record(observation, weight);
          for (let i = 0; i < weight; i++) times.record(observation);
        }
        const [a, b] = [by.scores().cumulative, times.scores().cumulative];
        for (const name of ["weight", "accuracy", "kappa", "macroF1", "auc", "logLoss"] as const) {
          if (b[name] === null) expect(a[name]).toBeNull();
          else expect(a[name]).toBeCloseTo(b[name], 10);
        }
      }),
    );
  });

  it("says nothing where nothing is defined", () => {
    const { cumulative } = classEvaluation(spec).scores();
    const { weight, f1, ...rest } = cumulative;
    expect(weight).toBe(0);
    expect(f1).toEqual([null, null, null]);
    expect(Object.values(rest).every((value) => value === null)).toBe(true);
    // All right and always the same class: no chance to be beaten, no negatives.
    const sure = classEvaluation(spec);
    sure.record({ label: 1, probabilities: [0, 1, 0], noChange: 1, majority: 1 });
    const scores = sure.scores().window;
    expect(scores).toMatchObject({ accuracy: 1, kappa: null, kappaTemporal: null, kappaM: null });
    expect(scores.auc).toBeNull();
    expect(scores.logLoss).toBeCloseTo(0, 12);
  });

  it("takes no answer for a wrong one, and impossible labels for very unlikely ones", () => {
    const evaluation = classEvaluation(spec);
    evaluation.record({ label: 0, probabilities: [NaN, NaN, NaN], noChange: null, majority: null });
    evaluation.record({ label: 2, probabilities: [1, 0, 0], noChange: 2, majority: 0 });
    const { cumulative } = evaluation.scores();
    expect(cumulative).toMatchObject({ accuracy: 0, noChangeAccuracy: 0.5, majorityAccuracy: 0 });
    expect(cumulative.logLoss).toBeCloseTo(-Math.log(1e-15), 9);
  });

  it("keeps a sum exact over a million samples that a plain sum would lose", () => {
    const evaluation = numberEvaluation({ target: { kind: "number" }, windowSamples: 1 });
    // One error of 1, then 10⁶ of which each alone vanishes beside it: 10⁻⁸ squared is 10⁻¹⁶.
    const at = (predicted: number): void =>
      evaluation.record({ value: 0, predicted, noChange: null, mean: null });
    at(1);
    for (let i = 0; i < 1_000_000; i++) at(1e-8);
    const { rmse } = evaluation.scores().cumulative;
    expect((rmse! ** 2 * 1_000_001 - 1) * 1e10).toBeCloseTo(1, 3);
  });

  it("fades as the recursion says, also after its weights were scaled down", () => {
    const factor = 0.5;
    const evaluation = classEvaluation({ ...spec, fadingFactor: factor });
    let [hits, all] = [0, 0];
    for (let i = 0; i < 2_000; i++) {
      const isHit = (i * i) % 7 < 3;
      hits = factor * hits + (isHit ? 1 : 0);
      all = factor * all + 1;
      const probabilities = isHit ? [1, 0, 0] : [0, 1, 0];
      evaluation.record({ label: 0, probabilities, noChange: 0, majority: 0 });
      if (i % 97 === 0) {
        expect(evaluation.scores().fading.accuracy).toBeCloseTo(hits / all, 12);
        expect(evaluation.scores().fading.weight).toBeCloseTo(all, 12);
      }
    }
  });

  it("takes no more memory for a longer stream", () => {
    const evaluation = classEvaluation(spec);
    const observation = { label: 0, probabilities: [1, 0, 0], noChange: 0, majority: 0 };
    for (let i = 0; i < 12; i++) evaluation.record(observation);
    const { length } = evaluation.checkpoint();
    for (let i = 0; i < 5_000; i++) evaluation.record(observation);
    expect(evaluation.checkpoint()).toHaveLength(length);
  });

  it("refuses a checkpoint of another specification, or a damaged one", () => {
    const evaluation = classEvaluation(spec);
    evaluation.record({ label: 0, probabilities: [1, 0, 0], noChange: 0, majority: 0 });
    const bytes = evaluation.checkpoint();
    const refused = expect.objectContaining({ code: "EF_EVALUATION_CHECKPOINT" }) as Error;
    expect(() => classEvaluation({ ...spec, windowSamples: 13 }, bytes)).toThrow(refused);
    const four: ClassSpec = { ...spec, target: { kind: "classes", count: 4 } };
    expect(() => classEvaluation(four, bytes)).toThrow(refused);
    for (const length of [0, 8, 55, 56, bytes.length - 8, bytes.length - 1]) {
      expect(() => classEvaluation(spec, bytes.subarray(0, length))).toThrow(refused);
    }
  });

  it.each([
    [{ ...spec, windowSamples: 0 }, "windowSamples"],
    [{ ...spec, fadingFactor: 1 }, "fadingFactor"],
    [{ ...spec, calibrationBins: 1.5 }, "calibrationBins"],
    [{ ...spec, target: { kind: "classes", count: 1 } as const }, "target.count"],
  ])("refuses %j and names %s", (bad, option) => {
    expect(() => classEvaluation(bad)).toThrow(new RegExp(`^${option} must be`));
  });
});

describe("the evaluation of numbers", () => {
  it("goes on from a checkpoint to the last bit", () => {
    const number = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    const many = fc.array(fc.tuple(number, number), { maxLength: 30 });
    const of = { target: { kind: "number" }, windowSamples: 5 } as const;
    fc.assert(
      fc.property(many, many, (before, after) => {
        const uninterrupted = numberEvaluation(of);
        const baselines = new NumberBaselines();
        const record = (
          [value, predicted]: readonly [number, number],
          ...evaluations: readonly { record: typeof uninterrupted.record }[]
        ): void => {
          for (const each of evaluations) each.record({ value, predicted, ...baselines.predict() });
          baselines.learn(value);
        };
        for (const each of before) record(each, uninterrupted);
        const resumed = numberEvaluation(of, uninterrupted.checkpoint());
        for (const each of after) record(each, uninterrupted, resumed);
        expect(resumed.scores()).toEqual(uninterrupted.scores());
      }),
    );
  });
});

describe("AUC", () => {
  const scored = fc.array(
    fc.record({
      score: fc.constantFrom(0, 0.1, 0.3, 0.5, 0.500001, 0.9, 1),
      isPositive: fc.boolean(),
      weight: fc.constantFrom(0.5, 1, 2),
    }),
    { maxLength: 30 },
  );

  it("is the share of pairs in the right order, where ties count half", () => {
    fc.assert(
      fc.property(scored, (samples) => {
        let [right, pairs] = [0, 0];
        for (const a of samples.filter(({ isPositive }) => isPositive)) {
          for (const b of samples.filter(({ isPositive }) => !isPositive)) {
            const weight = a.weight * b.weight;
            pairs += weight;
            right += weight * (a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0);
          }
        }
        const auc = exactAuc(samples);
        if (pairs === 0) expect(auc).toBeNull();
        else expect(auc).toBeCloseTo(right / pairs, 12);
      }),
    );
  });

  it("from bins is off by no more than it says", () => {
    const fine = fc.array(
      fc.record({
        score: fc.double({ min: 0, max: 1, noNaN: true }),
        isPositive: fc.boolean(),
        weight: fc.constantFrom(0.5, 1, 2),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(fine, fc.integer({ min: 1, max: 300 }), (samples, bins) => {
        const [positives, negatives] = [new Float64Array(bins), new Float64Array(bins)];
        for (const { score, isPositive, weight } of samples) {
          const bin = binOfProbability(score, bins);
          const side = isPositive ? positives : negatives;
          side[bin] = side[bin]! + weight;
        }
        const binned = binnedAuc(positives, negatives);
        const exact = exactAuc(samples);
        if (exact === null) expect(binned).toBeNull();
        else expect(Math.abs(binned!.auc - exact)).toBeLessThanOrEqual(binned!.errorMax + 1e-12);
      }),
    );
  });

  it("has bins that ascend with the probability, and one for whatever is no number", () => {
    let last = 0;
    for (let i = 0; i <= 10_000; i++) {
      const bin = binOfProbability(i / 10_000, 128);
      expect(bin).toBeGreaterThanOrEqual(last);
      last = bin;
    }
    expect(last).toBe(127);
    expect(binOfProbability(NaN, 128)).toBe(0);
    expect(binOfProbability(0, 128)).toBe(0);
    // Probabilities that a float32 network calls sure are still told apart.
    expect(binOfProbability(1 - 1e-5, 1_024)).toBeGreaterThan(binOfProbability(1 - 1e-4, 1_024));
  });
});

describe("the baselines", () => {
  it("know only what has arrived: the last label, and the lowest of the most frequent ones", () => {
    fc.assert(
      fc.property(fc.array(label), fc.nat(40), (labels, cut) => {
        let baselines = new ClassBaselines(CLASSES);
        labels.forEach((each, i) => {
          const seen = labels.slice(0, i);
          const counts = [0, 1, 2].map((c) => seen.filter((other) => other === c).length);
          expect(baselines.predict()).toEqual({
            noChange: seen.at(-1) ?? null,
            majority: i === 0 ? null : counts.indexOf(Math.max(...counts)),
          });
          baselines.learn(each);
          if (i === cut) {
            const json = JSON.stringify(baselines.checkpoint());
            baselines = new ClassBaselines(CLASSES, JSON.parse(json) as never);
          }
        });
      }),
    );
  });

  it("of numbers are the last one and the mean", () => {
    const baselines = new NumberBaselines();
    expect(baselines.predict()).toEqual({ noChange: null, mean: null });
    for (const value of [4, 8, 3]) baselines.learn(value);
    expect(baselines.predict()).toEqual({ noChange: 3, mean: 5 });
    const again = new NumberBaselines(baselines.checkpoint());
    again.learn(10, 3);
    expect(again.predict()).toEqual({ noChange: 10, mean: 7.5 });
  });
});

describe("softmaxRows", () => {
  it("gives probabilities, whatever the size of the logits", () => {
    const [a, b] = softmaxRows([1_000, 1_001, 0, -1e30, 5, 5], 2);
    expect(a![1]! / a![0]!).toBeCloseTo(Math.E, 12);
    expect([...b!]).toEqual([0, 0.5, 0.5]);
    expect(softmaxRows([], 0)).toEqual([]);
    expect(softmaxRows([NaN, 1], 1)[0]!.every(Number.isNaN)).toBe(true);
  });
});
