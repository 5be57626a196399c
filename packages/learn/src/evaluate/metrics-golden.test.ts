import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ClassBaselines, NumberBaselines } from "./baselines.ts";
import type { ClassScores } from "./class-statistics.ts";
import { classEvaluation, numberEvaluation } from "./evaluation.ts";

type Horizon = "cumulative" | "window" | "fading";
type Scores = Readonly<Record<string, number | null | readonly (number | null)[]>>;

interface Case {
  readonly samples: number;
  readonly weighted: boolean;
  readonly cumulative: Scores;
  readonly window: Scores;
  readonly fading: Scores;
  readonly river: Readonly<Record<"cumulative" | "window", Readonly<Record<string, number>>>>;
}

interface ClassCase {
  readonly classes: number;
  readonly labels: string;
  readonly probabilities: readonly (readonly number[])[];
  readonly cases: readonly Case[];
}

/** Made by bench/peers/golden_metrics.py with River 0.26.1 and scikit-learn 1.9.1. */
const golden = JSON.parse(
  readFileSync(new URL("./metrics.golden.json", import.meta.url), "utf8"),
) as {
  readonly window: number;
  readonly fading: number;
  readonly bins: number;
  readonly elec2: ClassCase;
  readonly insects: ClassCase;
  readonly demand: {
    readonly values: readonly number[];
    readonly predicted: readonly number[];
    readonly cases: readonly Case[];
  };
  readonly baselines: {
    readonly count: number;
    readonly labels: string;
    readonly noChange: number;
    readonly majority: number;
  };
};
const options = {
  windowSamples: golden.window,
  fadingFactor: golden.fading,
  calibrationBins: golden.bins,
};
const HORIZONS: readonly Horizon[] = ["cumulative", "window", "fading"];
const weightOf = (i: number): number => 0.5 * (1 + ((i * 7) % 5));

/** Compares what is in `expected`; the AUC of bins is as near to the exact one as it says. */
function compare(actual: object, expected: Scores, horizon: Horizon): void {
  const digits = 10;
  for (const [name, value] of Object.entries(expected)) {
    const ours = (actual as Scores)[name];
    if (name === "auc" && horizon !== "window") {
      const { auc, aucErrorMax } = actual as ClassScores;
      const error = Math.abs(auc! - (value as number));
      expect(error).toBeLessThanOrEqual(aucErrorMax! + 1e-12);
      expect(error).toBeLessThan(0.01);
    } else if (Array.isArray(value)) {
      value.forEach((each: number | null, c) => {
        const own = (ours as readonly (number | null)[])[c];
        if (each === null) expect(own).toBeNull();
        else expect(own, `${horizon} ${name} ${c}`).toBeCloseTo(each, digits);
      });
    } else if (value === null) expect(ours).toBeNull();
    else expect(ours, `${horizon} ${name}`).toBeCloseTo(value as number, digits);
  }
}

function compareWithRiver(actual: ClassScores, river: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(river)) {
    const ours = name.startsWith("f1/")
      ? actual.f1[Number(name.slice(3))]
      : (actual as unknown as Readonly<Record<string, number | null>>)[name];
    // River gives 0 to a class that is not there, we give none.
    expect(ours ?? 0, `river ${name}`).toBeCloseTo(value, 10);
  }
}

describe.each(["elec2", "insects"] as const)("metrics of classes on %s", (stream) => {
  const { classes, labels, probabilities, cases } = golden[stream];

  it.each([false, true])("are those of River and scikit-learn (weighted: %s)", (weighted) => {
    const evaluation = classEvaluation({ target: { kind: "classes", count: classes }, ...options });
    const baselines = new ClassBaselines(classes);
    let compared = 0;
    Array.from(labels, Number).forEach((label, i) => {
      const known = probabilities[i]!;
      const rest = 100_000 - known.reduce((sum, p) => sum + p, 0);
      const observation = { label, probabilities: [...known, rest].map((p) => p / 1e5) };
      evaluation.record({ ...observation, ...baselines.predict() }, weighted ? weightOf(i) : 1);
      baselines.learn(label);
      const at = cases.find((each) => each.samples === i + 1 && each.weighted === weighted);
      if (at === undefined) return;
      const scores = evaluation.scores();
      expect(scores.samples).toBe(i + 1);
      for (const horizon of HORIZONS) compare(scores[horizon], at[horizon], horizon);
      compareWithRiver(scores.cumulative, at.river.cumulative);
      compareWithRiver(scores.window, at.river.window);
      compared++;
    });
    expect(compared).toBe(cases.length / 2);
  });
});

describe("metrics of numbers", () => {
  it.each([false, true])("are those of River (weighted: %s)", (weighted) => {
    const { values, predicted, cases } = golden.demand;
    const evaluation = numberEvaluation({ target: { kind: "number" }, ...options });
    const baselines = new NumberBaselines();
    let compared = 0;
    values.forEach((value, i) => {
      const observation = { value, predicted: predicted[i]!, ...baselines.predict() };
      evaluation.record(observation, weighted ? weightOf(i) : 1);
      baselines.learn(value);
      const at = cases.find((each) => each.samples === i + 1 && each.weighted === weighted);
      if (at === undefined) return;
      const scores = evaluation.scores();
      for (const horizon of HORIZONS) compare(scores[horizon], at[horizon], horizon);
      for (const horizon of ["cumulative", "window"] as const) {
        compare(scores[horizon], at.river[horizon], horizon);
      }
      compared++;
    });
    expect(compared).toBe(cases.length / 2);
  });
});

describe("the baselines of classes", () => {
  it("have on all of Elec2 the accuracy of River's", () => {
    const { count, labels, noChange, majority } = golden.baselines;
    const packed = Buffer.from(labels, "base64");
    const baselines = new ClassBaselines(2);
    const right = { noChange: 0, majority: 0 };
    for (let i = 0; i < count; i++) {
      const label = (packed[i >> 3]! >> (i & 7)) & 1;
      const answer = baselines.predict();
      if (answer.noChange === label) right.noChange++;
      if (answer.majority === label) right.majority++;
      baselines.learn(label);
    }
    expect(right.noChange / count).toBeCloseTo(noChange, 12);
    expect(right.majority / count).toBeCloseTo(majority, 3); // of two equally frequent: another one
  });
});
