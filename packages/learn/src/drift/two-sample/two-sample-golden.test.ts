import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { classifierAccuracy } from "./classifier-test.ts";
import { hellingerDistance, populationStability } from "./distances.ts";
import {
  kolmogorovTail,
  ksCriticalSteps,
  ksDistance,
  ksPValue,
  ksSteps,
} from "./kolmogorov-smirnov.ts";
import { linearMmd } from "./linear-mmd.ts";
import type { Rows } from "./rows.ts";

interface Pair<T> {
  readonly first: T;
  readonly second: T;
}

/** Made by bench/peers/golden_two_sample.py with SciPy 1.14.1, Frouros 0.9.0, scikit-learn 1.9.1. */
const golden = JSON.parse(
  readFileSync(new URL("./two-sample.golden.json", import.meta.url), "utf8"),
) as {
  readonly ks: readonly (Pair<readonly number[]> & {
    readonly distance: number;
    readonly pValue: number;
    readonly limit: number;
  })[];
  readonly histograms: readonly (Pair<readonly number[]> & {
    readonly hellinger: number;
    readonly frouros: number;
    readonly psi: number;
  })[];
  readonly mmd: readonly (Pair<readonly (readonly number[])[]> & {
    readonly values: Readonly<Record<string, number>>;
  })[];
  readonly classifier: readonly (Pair<readonly (readonly number[])[]> & {
    readonly accuracy: number;
  })[];
};

function rowsOf(rows: readonly (readonly number[])[]): Rows {
  const [first = []] = rows;
  return { count: rows.length, features: first.length, data: Float64Array.from(rows.flat()) };
}

describe("two-sample statistics", () => {
  it.each(golden.ks)("Kolmogorov and Smirnov's is SciPy's: $distance", (given) => {
    const [first, second] = [Float64Array.from(given.first), Float64Array.from(given.second)];
    expect(ksDistance(first, second)).toBeCloseTo(given.distance, 12);
    expect(ksPValue(first, second) / given.pValue).toBeCloseTo(1, 8);
    const sizes = first.length * second.length;
    const lambda = given.distance * Math.sqrt(sizes / (first.length + second.length));
    expect(kolmogorovTail(lambda)).toBeCloseTo(given.limit, 12);
    const critical = ksCriticalSteps(first.length, second.length, given.pValue * (1 + 1e-9));
    expect(critical).toBeLessThanOrEqual(ksSteps(first, second));
    const stricter = ksCriticalSteps(first.length, second.length, given.pValue * (1 - 1e-6));
    expect(stricter).toBeGreaterThan(ksSteps(first, second));
  });

  it.each(golden.histograms)("histograms differ as Frouros and Evidently say: $psi", (given) => {
    const { first, second, hellinger, frouros, psi } = given;
    expect(hellingerDistance(first, second)).toBeCloseTo(hellinger, 12);
    expect(hellingerDistance(first, second)).toBeCloseTo(frouros, 12);
    expect(populationStability(first, second)).toBeCloseTo(psi, 10);
  });

  it.each(golden.mmd)("the linear-time MMD is that of the formula: $values", (given) => {
    const [first, second] = [rowsOf(given.first), rowsOf(given.second)];
    for (const [bandwidth, value] of Object.entries(given.values)) {
      expect(linearMmd(first, second, Number(bandwidth))).toBeCloseTo(value, 12);
    }
  });

  it.each(golden.classifier)("the classifier is as right as scikit-learn's: $accuracy", (given) => {
    const [first, second] = [rowsOf(given.first), rowsOf(given.second)];
    expect(classifierAccuracy(first, second)).toBeCloseTo(given.accuracy, 12);
  });
});
