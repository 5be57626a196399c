import { describe, expect, it } from "vitest";
import { exampleStatus } from "../status.fixture.ts";
import type { LabelStatus } from "../status.ts";
import { type ArrivalFact, intakeFacts, labelFacts } from "./arrival-facts.ts";

const { intake } = exampleStatus().strategy;
const labels: LabelStatus = {
  ...{ pending: 1_500, joined: 40, expired: 7, tooLate: 2 },
  ...{ early: 5, earlyExpired: 1, duplicates: 3, conflicts: 4 },
  lagMs: { p50: 12_500, p99: 80_000, max: 90_000 },
  lagSamples: { p50: 500, p99: 1_200, max: 2_000 },
};

const texts = (facts: readonly ArrivalFact[]): readonly string[] =>
  facts.map(({ label, value, detail }) =>
    `${label}: ${value}, ${detail}`.replaceAll("\u202f", " "),
  );

describe("the facts about samples", () => {
  it("say how long they wait, and what became of those that came too fast", () => {
    const busy = {
      ...intake,
      waiting: 300,
      skipped: 1,
      grownSteps: 20,
      blockedTimes: 3,
      blockedMs: 1_500,
    };
    expect(texts(intakeFacts(busy))).toEqual([
      "Waiting: 300, of 1,920 tested",
      "Arrival to deployed: 12.0 ms, longest 80.0 ms",
      "Grown: 20 steps, with more new samples",
      "Skipped: 1 sample, straight to history",
      "Blocked: 3 times, 1.50 s in all",
    ]);
  });

  it("are there before the first step", () => {
    const [, lag, , , blocked] = texts(intakeFacts({ ...intake, lagMs: null, lagMsMax: null }));
    expect(lag).toBe("Arrival to deployed: –, no step yet");
    expect(blocked).toBe("Blocked: 0 times, the source never waited");
  });
});

describe("the facts about labels", () => {
  it("say how late they are, and how many never met their predictions", () => {
    expect(texts(labelFacts(labels))).toEqual([
      "Pending: 1,500, predictions without a label",
      "Lag in samples: 500, median; p99 1,200",
      "Lag in time: 12.5 s, median; p99 80.0 s",
      "Joined: 40, predictions with their label",
      "Expired: 7, given up without one",
      "Too late: 2, labels after that",
      "Early: 5, labels without a sample; 1 given up",
      "Again: 3, labels that were there; 4 that contradict",
    ]);
  });

  it("have no lag before the first label", () => {
    expect(texts(labelFacts({ ...labels, joined: 0 }))[1]).toBe("Lag: –, no label has come yet");
  });
});
