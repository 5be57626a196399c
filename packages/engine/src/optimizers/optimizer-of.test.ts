import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adagrad } from "./adagrad.ts";
import { adam, adamW } from "./adam.ts";
import { clipFactor, scaleGradients, sumOfSquares } from "./clip-norm.ts";
import { optimizerOf, type OptimizerSpec } from "./optimizer-of.ts";
import type { Optimizer } from "./optimizer.ts";
import { rmsprop } from "./rmsprop.ts";
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

/** The gradient, shortened as the optimizer wants it. */
function clipped({ clipNorm }: Optimizer, step: number): Float32Array {
  const g = gradient(step);
  if (clipNorm !== null) scaleGradients(g, clipFactor(clipNorm, Math.sqrt(sumOfSquares(g))));
  return g;
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
      optimizer.update(state, clipped(optimizer, step), actual);
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
      sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
      adam({ amsgrad: true }),
      adamW({ learningRate: { kind: "warmUp", learningRate: 0.1, warmUpSteps: 2 } }),
      rmsprop({ centered: true, momentum: 0.5 }),
      adagrad({ initialAccumulator: 0.1 }),
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

  it("goes on after a stored step as if it had never stopped, schedule included", () => {
    const schedule = { kind: "cosine", learningRate: 0.1, steps: 8, warmUpSteps: 2 } as const;
    const optimizer = optimizerOf(adamW({ learningRate: schedule }));
    const whole = { state: optimizer.init(PARAMETERS), parameters: initial() };
    for (let step = 1; step <= 4; step++) {
      optimizer.update(whole.state, gradient(step), whole.parameters);
    }
    const resumed = structuredClone(whole);
    const fresh = optimizerOf(adamW({ learningRate: schedule }));
    for (let step = 5; step <= 9; step++) {
      optimizer.update(whole.state, gradient(step), whole.parameters);
      fresh.update(resumed.state, gradient(step), resumed.parameters);
    }
    expect(resumed).toEqual(whole);
  });

  it("stays finite when RMSprop's gradient never changes", () => {
    const optimizer = optimizerOf(rmsprop({ centered: true, alpha: 0.5 }));
    const state = optimizer.init(1);
    const parameters = Float32Array.of(1);
    for (let step = 0; step < 200; step++)
      optimizer.update(state, Float32Array.of(0.1), parameters);
    expect(parameters[0]).not.toBeNaN();
  });

  it("has the defaults of torch.optim", () => {
    const adamDefaults = {
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      amsgrad: false,
    };
    expect(adam()).toEqual({ kind: "adam", ...adamDefaults, weightDecay: 0 });
    expect(adamW()).toEqual({ kind: "adamW", ...adamDefaults, weightDecay: 0.01 });
    expect(sgd({ learningRate: 0.1 })).toEqual({
      kind: "sgd",
      learningRate: 0.1,
      momentum: 0,
      nesterov: false,
      weightDecay: 0,
    });
    expect(rmsprop()).toEqual({
      kind: "rmsprop",
      learningRate: 0.01,
      alpha: 0.99,
      epsilon: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
    });
    expect(adagrad()).toEqual({
      kind: "adagrad",
      learningRate: 0.01,
      learningRateDecay: 0,
      weightDecay: 0,
      initialAccumulator: 0,
      epsilon: 1e-10,
    });
  });

  it.each([
    () => sgd({ learningRate: 0 }),
    () => sgd({ learningRate: NaN }),
    () => sgd({ learningRate: { kind: "constant", learningRate: -1 } }),
    () => sgd({ learningRate: 0.1, momentum: 1 }),
    () => sgd({ learningRate: 0.1, nesterov: true }),
    () => sgd({ learningRate: 0.1, weightDecay: -1 }),
    () => sgd({ learningRate: 0.1, clipNorm: 0 }),
    () => adam({ beta1: 1 }),
    () => adam({ beta2: -0.1 }),
    () => adam({ epsilon: 0 }),
    () => adamW({ weightDecay: Infinity }),
    () => rmsprop({ alpha: 1 }),
    () => rmsprop({ epsilon: 0 }),
    () => adagrad({ learningRateDecay: -0.1 }),
    () => adagrad({ initialAccumulator: NaN }),
  ])("refuses settings that cannot work (%#)", (make) => {
    expect(make).toThrow(RangeError);
  });
});
