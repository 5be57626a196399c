import { readFileSync } from "node:fs";
import { Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfidenceCalibration } from "./confidence-calibration.ts";
import { isotonicRegression } from "./isotonic.ts";
import { PerformanceEstimate } from "./performance-estimate.ts";

// Made by bench/peers/golden_calibration.py.
const golden = JSON.parse(
  readFileSync(new URL("./calibration.golden.json", import.meta.url), "utf8"),
) as {
  readonly confidence: readonly number[];
  readonly right: readonly number[];
  readonly isotonic: {
    readonly means: readonly number[];
    readonly fit: readonly number[];
    readonly every: number;
    readonly count: number;
  };
  readonly cases: readonly {
    readonly name: string;
    readonly confidence: readonly number[];
    readonly right: readonly number[];
    readonly cbpe: number;
    readonly accuracy: number;
  }[];
};

/** Knots, weights and means of the reference, ties being averaged. */
function knots(): { x: number[]; weights: number[]; means: number[] } {
  const byConfidence = new Map<number, { hits: number; count: number }>();
  golden.confidence.forEach((x, i) => {
    const { hits, count } = byConfidence.get(x) ?? { hits: 0, count: 0 };
    byConfidence.set(x, { hits: hits + (golden.right[i] ?? NaN), count: count + 1 });
  });
  const sorted = [...byConfidence].sort(([a], [b]) => a - b);
  return {
    x: sorted.map(([x]) => x),
    weights: sorted.map(([, { count }]) => count),
    means: sorted.map(([, { hits, count }]) => hits / count),
  };
}

/** Between the knots on a line, beyond them as the nearest. */
function interpolate(x: readonly number[], y: Float64Array, at: number): number {
  const after = x.findIndex((knot) => knot >= at);
  if (after < 0) return y.at(-1) ?? NaN;
  const [x1 = NaN, y1 = NaN] = [x[after], y[after]];
  if (after === 0 || x1 === at) return y1;
  const [x0 = NaN, y0 = NaN] = [x[after - 1], y[after - 1]];
  return y0 + ((y1 - y0) * (at - x0)) / (x1 - x0);
}

function learned(options: { readonly isotonic?: boolean }): ConfidenceCalibration {
  const calibration = new ConfidenceCalibration(options);
  golden.confidence.forEach((x, i) => calibration.learn(x, golden.right[i] === 1));
  return calibration;
}

describe("isotonic regression", () => {
  it("is that of the min-max formula in NumPy", () => {
    const { weights, means } = knots();
    expect(means).toHaveLength(golden.isotonic.count);
    const fit = isotonicRegression(means, weights);
    golden.isotonic.fit.forEach((expected, i) => {
      expect(means[i * golden.isotonic.every]).toBeCloseTo(golden.isotonic.means[i] ?? NaN, 12);
      expect(fit[i * golden.isotonic.every]).toBeCloseTo(expected, 10);
    });
  });

  it("never falls, keeps the weighted mean, and leaves what rises alone", () => {
    const points = fc.array(
      fc.record({
        value: fc.double({ min: -1, max: 1, noNaN: true }),
        weight: fc.double({ min: 0.1, max: 5, noNaN: true }),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(points, (drawn) => {
        const [values, weights] = [drawn.map((p) => p.value), drawn.map((p) => p.weight)];
        const fit = isotonicRegression(values, weights);
        const mean = (y: ArrayLike<number>): number =>
          weights.reduce((sum, weight, i) => sum + weight * (y[i] ?? NaN), 0);
        expect([...fit]).toEqual([...fit].sort((a, b) => a - b));
        expect(mean(fit)).toBeCloseTo(mean(values), 9);
        const rising = [...values].sort((a, b) => a - b);
        expect([...isotonicRegression(rising, weights)]).toEqual(rising);
      }),
    );
  });
});

describe("the estimated accuracy", () => {
  it.each(golden.cases)("is that of CBPE within a point: samples $name", (now) => {
    const { x, weights, means } = knots();
    const fit = isotonicRegression(means, weights);
    const cbpe = now.confidence.reduce((sum, c) => sum + interpolate(x, fit, c), 0);
    expect(cbpe / now.confidence.length).toBeCloseTo(now.cbpe, 9);
    for (const isotonic of [false, true]) {
      const estimate = learned({ isotonic }).accuracyOf(now.confidence);
      expect(Math.abs((estimate?.accuracy ?? NaN) - now.cbpe)).toBeLessThan(0.01);
      expect(estimate?.low).toBeLessThan(now.accuracy);
      expect(estimate?.high).toBeGreaterThan(now.accuracy);
      // What confidence says by itself is not in the interval.
      const said = now.confidence.reduce((sum, c) => sum + c, 0) / now.confidence.length;
      expect(estimate?.high).toBeLessThan(said);
    }
  });

  it("never falls as confidence rises, where that is asked for", () => {
    const calibration = new ConfidenceCalibration({ isotonic: true });
    const random = new Random(4);
    for (let i = 0; i < 300; i++) calibration.learn(random.float(), random.float() < 0.6);
    const errors = Array.from({ length: 100 }, (_, i) => calibration.expectedError(i / 100));
    expect(errors).toEqual([...errors].sort((a, b) => b - a));
    expect(new Set(errors).size).toBeGreaterThan(1);
    const plain = new ConfidenceCalibration();
    plain.restore(calibration.checkpoint());
    const unsorted = Array.from({ length: 100 }, (_, i) => plain.expectedError(i / 100));
    expect(unsorted).not.toEqual([...unsorted].sort((a, b) => b - a));
  });

  it("is in its interval in about 95 of 100 cases, with few labels and with many", () => {
    const random = new Random(7);
    const draw = (): { confidence: number; isRight: boolean } => {
      const confidence = random.uniform(0.5, 1);
      return { confidence, isRight: random.float() < confidence - 0.2 };
    };
    for (const labels of [300, 3_000]) {
      let covered = 0;
      for (let run = 0; run < 200; run++) {
        const estimate = new PerformanceEstimate({ windowSamples: 400, prior: 1 });
        for (let i = 0; i < labels; i++) {
          const { confidence, isRight } = draw();
          estimate.labelled(i, confidence, isRight);
        }
        let hits = 0;
        for (let i = 0; i < 400; i++) {
          const { confidence, isRight } = draw();
          estimate.predicted(labels + i, confidence);
          if (isRight) hits++;
        }
        const { low = 1, high = 0 } = estimate.estimate() ?? {};
        if (low <= hits / 400 && hits / 400 <= high) covered++;
      }
      expect(covered / 200).toBeGreaterThan(0.9);
      expect(covered / 200).toBeLessThan(0.995);
    }
  });

  it("is that of the newest predictions without a label", () => {
    const estimate = new PerformanceEstimate({ windowSamples: 3 });
    expect(estimate.estimate()).toBeNull();
    for (const [sequence, confidence] of [0.1, 0.6, 0.7, 0.8].entries()) {
      estimate.predicted(sequence, confidence);
    }
    expect(estimate.estimate()).toMatchObject({ predictions: 3 });
    expect(estimate.estimate()?.accuracy).toBeCloseTo(0.7, 12);
    estimate.predicted(4, NaN);
    estimate.labelled(2, 0.7, true);
    expect(estimate.waiting).toBe(2);
    expect(estimate.estimate()?.accuracy).toBeCloseTo(0.7, 12);
    const twin = new PerformanceEstimate({ windowSamples: 3 });
    twin.restore(structuredClone(estimate.checkpoint()));
    for (const each of [estimate, twin]) {
      each.predicted(5, 0.9);
      each.predicted(6, 0.7);
      each.labelled(3, 0.8, false);
    }
    expect(twin.estimate()).toEqual(estimate.estimate());
    expect(twin.expectedError(0.8)).toBe(estimate.expectedError(0.8));
    expect(() => new PerformanceEstimate({ windowSamples: 1 }).restore(twin.checkpoint())).toThrow(
      expect.objectContaining({ code: "EF_DRIFT_CHECKPOINT" }) as Error,
    );
    expect(() => new PerformanceEstimate({ windowSamples: 0 })).toThrow("windowSamples must be");
  });
});
