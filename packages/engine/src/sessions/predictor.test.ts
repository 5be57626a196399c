import { describe, expect, it } from "vitest";
import type { GraphSession, NamedTensors } from "../runtime/runtime.ts";
import { PREDICT_ROWS_MAX, Predictor } from "./predictor.ts";

const PORTS = { input: { name: "x", shape: [2] }, output: { name: "y", shape: [] } };

/** A graph that adds the two numbers of each sample; `bound` collects the rows of every bind. */
function sums(bound: number[]): GraphSession {
  const dataOf = (tensors: NamedTensors, name: string) => tensors.get(name)?.data as Float32Array;
  return {
    inputs: [],
    outputs: [],
    bind(inputs, outputs) {
      const [x, y] = [dataOf(inputs, "x"), dataOf(outputs, "y")];
      bound.push(y.length);
      return () => y.forEach((_, i) => (y[i] = (x[2 * i] ?? NaN) + (x[2 * i + 1] ?? NaN)));
    },
    release: () => Promise.resolve(),
  };
}

describe("Predictor", () => {
  it("computes any number of samples in parts, and hands out memory that stays as it is", async () => {
    const predictor = new Predictor(sums([]), PORTS);
    const size = 2 * PREDICT_ROWS_MAX + 3;
    const inputs = Float32Array.from({ length: 2 * size }, (_, i) => i);
    const outputs = await predictor.predict(inputs, size);
    const expected = Float32Array.from({ length: size }, (_, i) => 4 * i + 1);
    expect(outputs).toEqual(expected);
    await predictor.predict(
      inputs.map(() => 0),
      size,
    );
    expect(outputs).toEqual(expected);
    expect(predictor.runMs).toBeGreaterThanOrEqual(0);
  });

  it("binds memory once per size, for a few sizes", async () => {
    const bound: number[] = [];
    const predictor = new Predictor(sums(bound), PORTS);
    const predict = (size: number) => predictor.predict(new Float32Array(2 * size), size);
    for (const size of [1, 32, 1, 32, 1]) await predict(size);
    expect(bound).toEqual([1, 32]);
    for (const size of [2, 3, 1, 4]) await predict(size);
    await predict(1);
    expect(bound).toEqual([1, 32, 2, 3, 4]);
    await predict(32);
    expect(bound).toEqual([1, 32, 2, 3, 4, 32]);
  });
});
