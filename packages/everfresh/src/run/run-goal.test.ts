import { describe, expect, it } from "vitest";
import { runRecordFor } from "./run-goal.ts";

const request = {
  model: "digits",
  source: "digits",
  parameters: 10,
  mode: "weights",
  labelLag: null,
  warmUpSteps: 300,
  seed: undefined,
  steps: 100,
} as const;

describe("the goal of a run", () => {
  it("is so many steps from where a fresh or finished run stands", () => {
    expect(runRecordFor(request, null, 0)).toMatchObject({
      seed: 1,
      goal: { requestedSteps: 100, untilStep: 100 },
    });
    const finished = { ...request, seed: 5, plan: { workers: 3 }, processor: null, goal: null };
    expect(runRecordFor(request, finished, 250)).toMatchObject({
      seed: 5,
      plan: { workers: 3 },
      goal: { requestedSteps: 100, untilStep: 350 },
    });
  });

  it("stays where it was when an interrupted run is started again", () => {
    const interrupted = {
      ...request,
      seed: 5,
      plan: null,
      processor: null,
      goal: { requestedSteps: 100, untilStep: 350 },
    };
    expect(runRecordFor(request, interrupted, 300).goal?.untilStep).toBe(350);
    expect(runRecordFor({ ...request, steps: 7 }, interrupted, 300).goal?.untilStep).toBe(307);
    expect(runRecordFor({ ...request, steps: undefined }, interrupted, 300).goal).toBeNull();
  });

  it("begins with the rise that it started with", () => {
    const goesOn = { ...request, seed: 5, plan: null, processor: null, goal: null, warmUpSteps: 0 };
    expect(runRecordFor(request, null, 0).warmUpSteps).toBe(300);
    expect(runRecordFor(request, goesOn, 9).warmUpSteps).toBe(0);
  });

  it("refuses a directory of another model or seed, naming both", () => {
    const recorded = { ...request, seed: 5, plan: null, processor: null, goal: null };
    expect(() => runRecordFor({ ...request, seed: 6 }, recorded, 0)).toThrow(/seed 5.*seed 6/);
    expect(() => runRecordFor({ ...request, model: "other" }, recorded, 0)).toThrow(
      /model digits.*model other/,
    );
    expect(() => runRecordFor({ ...request, mode: "sparseSgd" }, recorded, 0)).toThrow(
      /sparse deployment of weights.*sparse deployment of sparseSgd; choose another with --state/,
    );
    expect(() => runRecordFor({ ...request, labelLag: "follows" }, recorded, 0)).toThrow(
      /a lag of labels of none.*a lag of labels of whatever it is \(labelsFollow\)/,
    );
  });
});
