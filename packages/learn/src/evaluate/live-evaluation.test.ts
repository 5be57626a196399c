import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { linearModel } from "../linear-session.fixture.ts";
import { classEvaluation } from "./evaluation.ts";
import { LiveEvaluation, type LiveObservation } from "./live-evaluation.ts";
import { softmaxRows } from "./softmax.ts";

const FROZEN = linearModel(3, 4).state;

/** Predictions of four classes by three states, as good as chance. */
function observed(count: number, states = 3): readonly LiveObservation[] {
  const random = new Random(8);
  return Array.from({ length: count }, () => ({
    label: random.below(4),
    outputs: Float32Array.from({ length: 4 * states }, () => random.normal()),
  }));
}

describe("a live evaluation", () => {
  it("scores each state as if it were alone, beside baselines that know only earlier labels", () => {
    const live = new LiveEvaluation({ classes: 4, frozen: FROZEN });
    const alone = [0, 1, 2].map(() => classEvaluation({ target: { kind: "classes", count: 4 } }));
    const counts = [0, 0, 0, 0];
    let noChange: number | null = null;
    for (const { label, outputs } of observed(300)) {
      const majority = noChange === null ? null : counts.indexOf(Math.max(...counts));
      alone.forEach((evaluation, state) => {
        const [probabilities = []] = softmaxRows(outputs.subarray(4 * state, 4 * state + 4), 1);
        evaluation.record({ label, probabilities, noChange, majority });
      });
      live.record({ label, outputs });
      counts[label] = (counts[label] ?? 0) + 1;
      noChange = label;
    }
    const [trained, deployed, frozen] = alone.map((evaluation) => evaluation.scores());
    expect(live.scores()).toEqual({ trained, deployed, frozen });
    expect(live.quick.trained).toMatchObject({
      total: 300,
      accuracy: trained?.cumulative.accuracy,
      windowAccuracy: trained?.window.accuracy,
    });
  });

  it("goes by the answers that were stored with a prediction", () => {
    const live = new LiveEvaluation({ classes: 4, frozen: null });
    const answers = { noChange: 2, majority: 3 };
    for (const { outputs } of observed(10, 2)) live.record({ label: 2, outputs, answers });
    const { cumulative } = live.scores().trained;
    expect(cumulative).toMatchObject({ noChangeAccuracy: 1, majorityAccuracy: 0 });
  });

  it("goes on from a checkpoint; another frozen state begins anew", () => {
    const all = observed(200);
    const whole = new LiveEvaluation({ classes: 4, frozen: FROZEN });
    for (const each of all) whole.record(each);
    const half = new LiveEvaluation({ classes: 4, frozen: FROZEN });
    for (const each of all.slice(0, 90)) half.record(each);
    const checkpoint = structuredClone(half.checkpoint());
    const resumed = new LiveEvaluation({ classes: 4, frozen: FROZEN, checkpoint });
    const other = linearModel(3, 4).state;
    other.parameters[0] = 1;
    const changed = new LiveEvaluation({ classes: 4, frozen: other, checkpoint });
    for (const each of all.slice(90)) {
      resumed.record(each);
      changed.record(each);
    }
    expect(resumed.checkpoint()).toEqual(whole.checkpoint());
    expect(changed.scores().trained).toEqual(whole.scores().trained);
    expect(changed.scores().frozen?.samples).toBe(110);
  });

  it("takes predictions from when the frozen state was not evaluated", () => {
    const live = new LiveEvaluation({ classes: 4, frozen: FROZEN });
    for (const each of observed(5, 2)) live.record(each);
    expect(live.scores().deployed.samples).toBe(5);
    expect(live.scores().frozen?.samples).toBe(0);
  });
});
