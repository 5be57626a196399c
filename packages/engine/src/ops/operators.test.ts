import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OperatorKind } from "../graph/operator-kind.ts";
import { checkGradient } from "./gradient-check.fixture.ts";
import { OPERATOR_CASES } from "./operator-cases.fixture.ts";
import { nonDifferentiable } from "./operator.ts";
import { OPERATORS } from "./operators.ts";

const kinds = Object.keys(OPERATORS) as OperatorKind[];
// Windows and ranges have many ways to be wrong; everything else has few.
const RUNS: Partial<Record<OperatorKind, number>> = {
  AveragePool: 40,
  Conv: 120,
  ConvTranspose: 40,
  GRU: 12,
  Gather: 20,
  LSTM: 12,
  MaxPool: 40,
  Resize: 40,
  Slice: 40,
};

describe("the gradient rules", () => {
  it.each(kinds)("of %s agrees with finite differences", async (operator) => {
    const cases = OPERATOR_CASES[operator];
    if (cases === nonDifferentiable) {
      expect(OPERATORS[operator].gradient).toBe(nonDifferentiable);
      return;
    }
    await fc.assert(
      fc.asyncProperty(cases, async (use) => {
        const check = await checkGradient(operator, use);
        expect(check.actual).toEqual(check.inferred);
        expect(check.forwardError).toBeLessThan(1e-5);
        expect(check.gradientError).toBeLessThan(1e-3);
      }),
      { numRuns: RUNS[operator] ?? 8, seed: Number(process.env["SEED"] ?? 1) },
    );
  });
});
