import { Random, type SignalFamily } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completeDriftSpec, type DriftSpec } from "../monitor/drift-spec.ts";
import { FAMILIES, type SignalEvidence, Vote } from "./vote.ts";

const vote = (spec: DriftSpec = {}): Vote => new Vote(completeDriftSpec(spec));
const signals = fc.array(
  fc.record({
    family: fc.constantFrom(...FAMILIES),
    evidence: fc.option(fc.double({ min: 1, max: 1e12, noNaN: true })),
  }),
  { maxLength: 8 },
);
const of = (family: SignalFamily, evidence: number | null): SignalEvidence => ({
  family,
  evidence,
});

describe("the calibrated vote", () => {
  it("is the mean by weights that are 1 together, over the signals that have data", () => {
    fc.assert(
      fc.property(signals, (list) => {
        const { evidence } = vote().judge(list, "stable", 0);
        const weights = vote().weights(list);
        const known = list.filter((signal) => signal.evidence !== null);
        if (known.length === 0) {
          expect(evidence).toBeNull();
          expect(weights.every((weight) => weight === 0)).toBe(true);
          return;
        }
        const sum = list.reduce((all, each, i) => all + weights[i]! * (each.evidence ?? 0), 0);
        expect(weights.reduce((all, weight) => all + weight, 0)).toBeCloseTo(1, 10);
        expect(evidence! / sum).toBeCloseTo(1, 10);
      }),
    );
  });

  it("weighs errors as much as both other families, and nothing that has no data", () => {
    const list = [of("data", 2), of("uncertainty", 3), of("uncertainty", 4), of("error", null)];
    expect(vote().weights(list)).toEqual([0.5, 0.25, 0.25, 0]);
    expect(vote().weights([...list, of("error", 1)])).toEqual([0.25, 0.125, 0.125, 0, 0.5]);
  });

  it("is never quiet where it would warn", () => {
    fc.assert(
      fc.property(signals, fc.integer({ min: 100, max: 25_000 }), (list, falseWarningEvery) => {
        const asked = vote({ falseWarningEvery });
        fc.pre(asked.isQuiet(list));
        expect(asked.judge(list, "stable", 0).verdict).toBe("stable");
      }),
    );
    const nearly = [of("data", 6_000), of("uncertainty", 1), of("error", null)];
    expect(vote().isQuiet(nearly)).toBe(true);
    expect(vote().isQuiet([...nearly, of("error", 6_250)])).toBe(false);
    expect(vote({ vote: "majority" }).isQuiet(nearly)).toBe(false);
  });

  it.each([
    ["that have nothing to do with each other", 1],
    ["of which three say the same", 3],
    ["that all say the same", 4],
  ])("keeps the budget with signals %s", (_name, alike) => {
    // A signal whose evidence is above x once in x samples: N = 1 / u.
    const random = new Random(alike);
    let alarms = 0;
    const samples = 150_000;
    const asked = vote({ falseAlarmEvery: 1_000 });
    for (let i = 0; i < samples; i++) {
      const same = 1 / (1 - random.float());
      const own = (): number => 1 / (1 - random.float());
      const list = [of("data", 1), of("uncertainty", 1), of("uncertainty", 1), of("error", 1)].map(
        ({ family }, k) => of(family, k < alike ? same : own()),
      );
      if (asked.judge(list, "stable", i).verdict === "drift") alarms++;
    }
    // 150 are expected; independent ones come to one or two per cent more.
    expect(alarms).toBeGreaterThan(150 - 5 * 12);
    expect(alarms).toBeLessThan(150 + 5 * 12);
  });

  it("leaves a warning only when little is left of it", () => {
    const judge = (evidence: number, before: "stable" | "warning"): string =>
      vote().judge([of("error", evidence)], before, 0).verdict;
    expect(judge(6_249, "stable")).toBe("stable");
    expect(judge(6_250, "stable")).toBe("warning");
    expect(judge(63, "warning")).toBe("warning");
    expect(judge(62, "warning")).toBe("stable");
    expect(judge(25_000, "warning")).toBe("drift");
  });
});

describe("votes of families", () => {
  const drift = 1e6;

  it("majority needs more than half of the families that have data", () => {
    const judge = (...list: readonly SignalEvidence[]): string =>
      vote({ vote: "majority" }).judge(list, "stable", 0).verdict;
    expect(judge(of("data", drift))).toBe("drift");
    expect(judge(of("data", drift), of("uncertainty", 1))).toBe("stable");
    expect(judge(of("data", drift), of("uncertainty", drift), of("error", 1))).toBe("drift");
    expect(judge(of("data", 1), of("uncertainty", 1), of("error", drift))).toBe("stable");
    expect(judge(of("data", 7_000), of("uncertainty", drift), of("error", 1))).toBe("warning");
    expect(judge(of("data", drift), of("error", null))).toBe("drift");
  });

  it("weighted needs more than half of the weights", () => {
    const weights = { data: 1, uncertainty: 1, error: 3 };
    const judge = (...list: readonly SignalEvidence[]): string =>
      vote({ vote: "weighted", weights }).judge(list, "stable", 0).verdict;
    expect(judge(of("data", drift), of("uncertainty", drift), of("error", 1))).toBe("stable");
    expect(judge(of("data", 1), of("uncertainty", 1), of("error", drift))).toBe("drift");
  });

  it("remembers what a family has seen for as long as labels may take to agree", () => {
    const late = vote({ vote: "majority", withinSamples: 500 });
    const judge = (data: number, error: number, sequence: number): string =>
      late.judge([of("data", data), of("error", error)], "stable", sequence).verdict;
    expect(judge(drift, 1, 100)).toBe("stable");
    const resumed = vote({ vote: "majority", withinSamples: 500 });
    resumed.remember(late.numbers());
    expect(judge(1, drift, 600)).toBe("drift");
    const list = [of("data", 1), of("error", drift)];
    expect(resumed.judge(list, "stable", 601).verdict).toBe("stable");
    late.reset();
    expect(judge(1, drift, 602)).toBe("stable");
  });
});
