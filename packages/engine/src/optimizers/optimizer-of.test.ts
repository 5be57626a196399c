import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adam } from "./adam.ts";
import { optimizerOf, type OptimizerSpec } from "./optimizer-of.ts";
import { sgd } from "./sgd.ts";

interface Golden {
  readonly steps: number;
  readonly cases: readonly {
    readonly name: string;
    readonly spec: OptimizerSpec;
    readonly parameters: Readonly<Record<string, readonly number[]>>;
  }[];
}

const PARAMETERS = 24;
// Made by bench/peers/golden_optimizers.py with torch.optim; `gradient` is the same as there.
const golden = JSON.parse(
  readFileSync(new URL("./optimizers.golden.json", import.meta.url), "utf8"),
) as Golden;

function gradient(step: number): Float32Array {
  return Float32Array.from({ length: PARAMETERS }, (_, i) =>
    i === 0 ? 0 : (Math.sin(0.7 * step + i) * 10 ** ((i % 7) - 6)) / Math.sqrt(step),
  );
}

const initial = (): Float32Array =>
  Float32Array.from({ length: PARAMETERS }, (_, i) => Math.cos(i));

describe("optimizers", () => {
  it.each(golden.cases)("$name follows torch.optim for 50 steps", ({ spec, parameters }) => {
    const optimizer = optimizerOf(spec);
    const state = optimizer.init(PARAMETERS);
    const actual = initial();
    let compared = 0;
    for (let step = 1; step <= golden.steps; step++) {
      optimizer.update(state, gradient(step), actual);
      parameters[step]?.forEach((expected, i) => {
        const error = Math.abs(actual[i]! - expected) / Math.max(Math.abs(expected), 0.1);
        expect(error, `step ${step}, parameter ${i}`).toBeLessThan(1e-6);
        compared++;
      });
    }
    expect(compared).toBe(6 * PARAMETERS);
    expect(state.step).toBe(golden.steps);
  });

  it("gives the same bits whether a vector is updated whole or in parts", () => {
    const spec: fc.Arbitrary<OptimizerSpec> = fc.constantFrom(
      sgd({ learningRate: 0.1 }),
      sgd({ learningRate: 0.1, momentum: 0.9 }),
      adam({ amsgrad: true }),
    );
    fc.assert(
      fc.property(spec, fc.integer({ min: 0, max: PARAMETERS }), (anySpec, cut) => {
        const optimizer = optimizerOf(anySpec);
        const whole = initial();
        const wholeState = optimizer.init(PARAMETERS);
        const parts = initial();
        const partStates = [optimizer.init(cut), optimizer.init(PARAMETERS - cut)];
        for (let step = 1; step <= 3; step++) {
          optimizer.update(wholeState, gradient(step), whole);
          const [low, high] = [gradient(step).subarray(0, cut), gradient(step).subarray(cut)];
          optimizer.update(partStates[0]!, low, parts.subarray(0, cut));
          optimizer.update(partStates[1]!, high, parts.subarray(cut));
        }
        expect(parts).toEqual(whole);
      }),
    );
  });

  it("has the defaults of torch.optim", () => {
    expect(adam()).toEqual({
      kind: "adam",
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      amsgrad: false,
    });
    expect(sgd({ learningRate: 0.1 })).toEqual({ kind: "sgd", learningRate: 0.1, momentum: 0 });
  });

  it.each([
    () => sgd({ learningRate: 0 }),
    () => sgd({ learningRate: NaN }),
    () => sgd({ learningRate: 0.1, momentum: 1 }),
    () => adam({ beta1: 1 }),
    () => adam({ beta2: -0.1 }),
    () => adam({ epsilon: 0 }),
  ])("refuses settings that cannot work (%#)", (make) => {
    expect(make).toThrow(RangeError);
  });
});
