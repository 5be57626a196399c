import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfidenceCalibration } from "./confidence-calibration.ts";
import {
  disagreement,
  predictiveEntropy,
  reconstructionError,
  smallMargin,
} from "./uncertainty.ts";
import { Random } from "@everfresh/core";

const probabilities = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 })
  .filter((values) => values.some((value) => value > 1e-9))
  .map((values) => {
    const sum = values.reduce((total, value) => total + value, 0);
    return values.map((value) => value / sum);
  });

describe("uncertainty", () => {
  it("is 0 where a class is sure and 1 where all are alike, in between otherwise", () => {
    expect([predictiveEntropy([0, 1, 0]), smallMargin([0, 1, 0])]).toEqual([0, 0]);
    expect(predictiveEntropy([0.25, 0.25, 0.25, 0.25])).toBeCloseTo(1, 12);
    expect(smallMargin([0.4, 0.2, 0.4])).toBe(1);
    expect(predictiveEntropy([0.9, 0.1])).toBeCloseTo(0.468996, 6); // bits
    fc.assert(
      fc.property(probabilities, (row) => {
        for (const value of [predictiveEntropy(row), smallMargin(row)]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1 + 1e-12);
        }
        expect(predictiveEntropy([...row].reverse())).toBeCloseTo(predictiveEntropy(row), 12);
      }),
    );
  });

  it("is the disagreement of several predictions: 0 where all are the same", () => {
    expect(disagreement([[0.3, 0.7], [0.3, 0.7]])).toBeCloseTo(0, 12); // prettier-ignore
    expect(disagreement([[1, 0], [0, 1]])).toBeCloseTo(1, 12); // prettier-ignore
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }),
        (firsts) => {
          const value = disagreement(firsts.map((p) => [p, 1 - p]));
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1 + 1e-12);
        },
      ),
    );
  });

  it("is NaN, which detectors ignore, where something is missing", () => {
    for (const row of [[], [1], [NaN, 1], [-0.1, 1.1]]) expect(predictiveEntropy(row)).toBeNaN();
    for (const row of [[], [1], [NaN, 1]]) expect(smallMargin(row)).toBeNaN();
    expect(disagreement([])).toBeNaN();
    expect(disagreement([[0.5, 0.5], [1]])).toBeNaN();
    expect(disagreement([[0.5, 0.5], [NaN, 1]])).toBeNaN(); // prettier-ignore
    expect(reconstructionError([1], [1, 2])).toBeNaN();
    expect(reconstructionError([], [])).toBeNaN();
  });

  it("is the mean squared error of a reconstruction", () => {
    expect(reconstructionError([1, 2], [1, 4])).toBe(2);
  });
});

describe("a calibrated confidence", () => {
  /** A model that is as sure as it says less a quarter. */
  function labelled(count: number, seed: number): { confidence: number; isRight: boolean }[] {
    const random = new Random(seed);
    return Array.from({ length: count }, () => {
      const confidence = random.uniform(0.5, 1);
      return { confidence, isRight: random.float() < confidence - 0.25 };
    });
  }

  it("estimates the accuracy of a model that is too sure", () => {
    const calibration = new ConfidenceCalibration();
    expect(calibration.estimatedAccuracy([0.6, 0.8])).toBeCloseTo(0.7, 12);
    for (const { confidence, isRight } of labelled(4_000, 1))
      calibration.learn(confidence, isRight);
    const later = labelled(2_000, 2);
    const right = later.filter(({ isRight }) => isRight).length / later.length;
    const estimate = calibration.estimatedAccuracy(later.map(({ confidence }) => confidence));
    expect(Math.abs(estimate - right)).toBeLessThan(0.03);
    expect(Math.abs(estimate - 0.75)).toBeGreaterThan(0.2);
    expect(calibration.expectedError(0.9)).toBeCloseTo(0.35, 1);
  });

  it("counts what is no confidence, and goes on from a checkpoint", () => {
    const calibration = new ConfidenceCalibration({ bins: 4, prior: 1 });
    for (const bad of [NaN, -0.1, 1.1]) calibration.learn(bad, true);
    expect(calibration.ignored).toBe(3);
    expect(calibration.expectedError(NaN)).toBeNaN();
    expect(calibration.estimatedAccuracy([NaN])).toBeNaN();
    calibration.learn(1, true);
    const twin = new ConfidenceCalibration({ bins: 4, prior: 1 });
    twin.restore(calibration.checkpoint());
    expect(twin.checkpoint()).toEqual(calibration.checkpoint());
    expect(twin.expectedError(1)).toBe(0);
    expect(() => new ConfidenceCalibration({ bins: 5 }).restore(twin.checkpoint())).toThrow(
      expect.objectContaining({ code: "EF_DRIFT_CHECKPOINT" }) as Error,
    );
    expect(() => twin.restore({ kind: "ddm", numbers: [] })).toThrow(
      expect.objectContaining({ code: "EF_RESUME_MISMATCH" }) as Error,
    );
    expect(() => new ConfidenceCalibration({ bins: 0 })).toThrow("bins must be a whole number");
    expect(() => new ConfidenceCalibration({ prior: 0 })).toThrow("prior must be a finite number");
  });
});
