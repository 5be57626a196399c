import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { brierScore, Reliability } from "./reliability.ts";

// Made by bench/peers/golden_calibration.py.
const golden = JSON.parse(
  readFileSync(new URL("./calibration.golden.json", import.meta.url), "utf8"),
) as {
  readonly confidence: readonly number[];
  readonly right: readonly number[];
  readonly brier: number;
  readonly calibrationError: number;
  readonly bins: readonly (readonly [bin: number, count: number, p: number, y: number])[];
};

function learned(): Reliability {
  const reliability = new Reliability();
  golden.confidence.forEach((p, i) => {
    reliability.add(p, golden.right[i] === 1);
  });
  return reliability;
}

describe("reliability", () => {
  it("has the table, the Brier score and the calibration error that NumPy has", () => {
    const reliability = learned();
    const filled = reliability.table().filter(({ count }) => count > 0);
    expect(filled).toHaveLength(golden.bins.length);
    golden.bins.forEach(([bin, count, predicted, observed], i) => {
      expect(filled[i]).toMatchObject({ from: bin / 10, to: (bin + 1) / 10, count });
      expect(filled[i]?.predicted).toBeCloseTo(predicted, 12);
      expect(filled[i]?.observed).toBeCloseTo(observed, 12);
      expect(filled[i]?.low).toBeLessThan(observed);
      expect(filled[i]?.high).toBeGreaterThan(observed);
    });
    expect(reliability.scores().brier).toBeCloseTo(golden.brier, 12);
    expect(reliability.scores().calibrationError).toBeCloseTo(golden.calibrationError, 12);
    expect(reliability.scores().count).toBe(4_000);
  });

  it("has no skill where it always says how often events come true", () => {
    const reliability = new Reliability({ bins: 4 });
    for (let i = 0; i < 10; i++) reliability.add(0.3, i < 3);
    expect(reliability.scores().brierSkill).toBeCloseTo(0, 12);
    const perfect = new Reliability({ bins: 4 });
    for (let i = 0; i < 10; i++) perfect.add(i < 3 ? 1 : 0, i < 3);
    expect(perfect.scores()).toEqual({ count: 10, brier: 0, brierSkill: 1, calibrationError: 0 });
    // Wilson's interval of 3 of 3, by hand: 3 / (3 + 1.96²)
    expect(perfect.table()[3]).toMatchObject({ count: 3, observed: 1, high: 1 });
    expect(perfect.table()[3]?.low).toBeCloseTo(3 / (3 + 1.96 ** 2), 12);
  });

  it("counts what is no probability, and goes on from a checkpoint", () => {
    const reliability = learned();
    for (const bad of [NaN, -0.1, 1.1]) reliability.add(bad, true);
    expect(reliability.ignored).toBe(3);
    const twin = new Reliability();
    twin.restore(structuredClone(reliability.checkpoint()));
    expect(twin.table()).toEqual(reliability.table());
    expect(twin.scores()).toEqual(reliability.scores());
    expect(new Reliability().scores()).toMatchObject({ count: 0, brier: null });
    expect(() => new Reliability({ bins: 3 }).restore(twin.checkpoint())).toThrow(
      expect.objectContaining({ code: "EF_DRIFT_CHECKPOINT" }) as Error,
    );
    expect(() => new Reliability({ bins: 0 })).toThrow("bins must be a whole number");
  });
});

describe("the Brier score of a prediction", () => {
  it("is 0 for a sure right one, 2 for a sure wrong one, NaN for no such class", () => {
    expect(brierScore([0, 1, 0], 1)).toBe(0);
    expect(brierScore([0, 1, 0], 2)).toBe(2);
    expect(brierScore([0.5, 0.25, 0.25], 0)).toBeCloseTo(0.375, 12);
    expect(brierScore([0.5, 0.5], 2)).toBeNaN();
  });
});
