import { readFileSync } from "node:fs";
import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { adam } from "./adam.ts";
import { measuringOptimizer, naturalNumbers, naturalSquares } from "./natural-gradient.ts";
import { optimizerOf, type OptimizerSpec } from "./optimizer-of.ts";
import { sgd } from "./sgd.ts";

// Made by bench/peers/golden_natural_gradient.py; gradients and parameters are the same as there.
const golden = JSON.parse(
  readFileSync(new URL("./natural-gradient.golden.json", import.meta.url), "utf8"),
) as {
  readonly cases: readonly {
    readonly name: string;
    readonly spec: OptimizerSpec;
    readonly norms: Readonly<Record<string, number>>;
  }[];
};
const PARAMETERS = 24;

function gradientAt(step: number): Float32Array {
  return Float32Array.from({ length: PARAMETERS }, (_, i) =>
    i === 0 ? 0 : (Math.sin(0.7 * step + i) * 10 ** ((i % 7) - 6)) / Math.sqrt(step),
  );
}

/** The norm after each of some steps. */
function normsOf(spec: OptimizerSpec, gradients: readonly Float32Array[]): readonly number[] {
  const optimizer = measuringOptimizer(optimizerOf(spec));
  const [{ length } = new Float32Array()] = gradients;
  const state = optimizer.init(length);
  const parameters = Float32Array.from({ length }, (_, i) => Math.cos(i));
  return gradients.map((gradient) => {
    optimizer.update(state, gradient, parameters);
    const second = state.slots[optimizer.secondMoment.slot] ?? parameters;
    const numbers = naturalNumbers(optimizer.secondMoment, state.step);
    return Math.sqrt(naturalSquares(gradient, second, numbers));
  });
}

describe("the natural-gradient norm", () => {
  it.each(golden.cases)("of $name follows torch's second moments", ({ spec, norms }) => {
    const steps = Array.from({ length: 50 }, (_, i) => gradientAt(i + 1));
    const actual = normsOf(spec, steps);
    expect(Object.keys(norms)).toHaveLength(6);
    for (const [step, expected] of Object.entries(norms)) {
      const error = Math.abs((actual[Number(step) - 1] ?? NaN) - expected) / expected;
      expect(error, `step ${step}`).toBeLessThan(1e-6);
    }
  });

  it("is about √parameters while gradients stay as large, falls with them and rises at once", () => {
    const random = new Random(1);
    const noise = (size: number): Float32Array =>
      Float32Array.from({ length: 1_000 }, () => size * random.normal());
    const sizes = Array.from({ length: 260 }, (_, i) => (i < 200 ? 0.99 ** i : 3 * 0.99 ** i));
    const norms = normsOf(adam(), sizes.map(noise));
    const stable = normsOf(
      adam(),
      Array.from({ length: 260 }, () => noise(1e-3)),
    );
    for (const norm of stable.slice(20)) expect(norm / Math.sqrt(1_000)).toBeCloseTo(1, 0);
    expect(stable[0]).toBeCloseTo(Math.sqrt(1_000), 3);
    expect(Math.max(...norms.slice(20, 200))).toBeLessThan(Math.sqrt(1_000));
    expect(norms[200]).toBeGreaterThan(2.5 * (norms[199] ?? NaN));
  });

  it("costs SGD a vector that changes nothing else", () => {
    const spec = sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.1 });
    const [plain, measuring] = [optimizerOf(spec), measuringOptimizer(optimizerOf(spec))];
    expect(measuring.slots).toEqual(["momentum", "squareMean"]);
    const states = [plain.init(PARAMETERS), measuring.init(PARAMETERS)] as const;
    const [a, b] = [gradientAt(9), gradientAt(9)];
    for (let step = 1; step <= 5; step++) {
      plain.update(states[0], gradientAt(step), a);
      measuring.update(states[1], gradientAt(step), b);
    }
    expect(b).toEqual(a);
    expect(states[1].step).toBe(5);
    expect(states[1].slots[0]).toEqual(states[0].slots[0]);
    expect(measuringOptimizer(optimizerOf(adam())).slots).toEqual(optimizerOf(adam()).slots);
  });
});
