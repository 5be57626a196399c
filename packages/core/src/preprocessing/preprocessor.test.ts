import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeployedState } from "../deployed-state.ts";
import { ShapeError } from "../errors.ts";
import { image, numeric } from "../preprocessing.ts";
import { Random } from "../random.ts";
import { createState, stateLayout } from "../state.ts";
import { statisticsChanges, statisticsIn } from "./feature-statistics.ts";
import { type Pipeline, pipeline, type Step } from "./pipeline.ts";
import type { Preprocessor } from "./preprocessor.ts";
import { preprocessBatch, preprocessorOf } from "./preprocessor-of.ts";
import { joined } from "./split-float.ts";
import { encodeRow } from "./table-row.ts";

const COLUMNS = ["a", "b", "c"];
const finite = fc.float({ min: Math.fround(-1e6), max: Math.fround(1e6), noNaN: true });
const sample = fc
  .array(fc.oneof({ weight: 6, arbitrary: finite }, fc.constant(NaN)), {
    minLength: 3,
    maxLength: 3,
  })
  .map((values) => Float32Array.from(values));
const samples = fc.array(sample, { minLength: 1, maxLength: 30 });

function numbers(steps: readonly Step[]): Preprocessor {
  return preprocessorOf(
    pipeline({ raw: { kind: "numbers", columns: COLUMNS }, branches: [{ steps }] }),
  );
}

const STANDARD = numbers([{ kind: "standardise" }, { kind: "impute", with: 0 }]);
const EXTREMES = numbers([
  { kind: "minMax", low: -1 },
  { kind: "impute", with: 0 },
]);
const IMPUTED = numbers([{ kind: "impute", with: "mean" }, { kind: "standardise" }]);

describe("present descriptions", () => {
  it("give exactly what they gave without a preprocessor", () => {
    const pixels = [Uint8Array.of(0, 7, 255, 128), Uint8Array.of(1, 2, 3, 4)];
    const features = [Float32Array.of(0.1, 1e30), Float32Array.of(-3, 4)];
    for (const [spec, batch] of [
      [image({ width: 2, height: 2, mean: [0.1307], std: [0.3081] }), pixels],
      [numeric(2), features],
    ] as const) {
      const preprocessor = preprocessorOf(spec);
      expect(preprocessor.statistics).toEqual([]);
      expect(preprocessor.transform([], batch)).toEqual(preprocessBatch(spec, batch));
      expect(preprocessor.observe([], batch)).toEqual([]);
      expect(preprocessor.distance([], [])).toBe(0);
    }
  });
});

describe("observing", () => {
  it.each([
    ["standardise", STANDARD],
    ["minMax", EXTREMES],
  ])("comes to the same whether a batch comes whole or in parts: %s", (_, preprocessor) => {
    fc.assert(
      fc.property(samples, fc.nat(29), (batch, cut) => {
        const whole = preprocessor.observe(preprocessor.initial(), batch);
        const first = preprocessor.observe(preprocessor.initial(), batch.slice(0, cut));
        const parts = preprocessor.observe(first, batch.slice(cut));
        for (const [i, tensor] of whole.entries()) {
          const other = joined(parts[i]!);
          for (const [c, value] of joined(tensor).entries()) {
            // What is left of the mean's rounding, squared, in a variance near 0.
            const tolerance = 1e-11 * Math.abs(value) + 1e-6;
            expect(Math.abs(value - other[c]!)).toBeLessThanOrEqual(tolerance);
          }
        }
      }),
    );
  });

  it("leaves its arguments alone, and gives the same bits again", () => {
    fc.assert(
      fc.property(samples, samples, (one, other) => {
        const before = IMPUTED.observe(IMPUTED.initial(), one);
        const copy = before.map((tensor) => tensor.slice());
        const after = IMPUTED.observe(before, other);
        expect(before).toEqual(copy);
        expect(IMPUTED.observe(copy, other)).toEqual(after);
        expect(IMPUTED.observe(before, [])).toEqual(before);
      }),
    );
  });

  it("keeps a mean apart from a deviation that is a millionth of it", () => {
    const random = new Random(5);
    const step: Pipeline = pipeline({
      raw: { kind: "row", columns: [{ name: "x", kind: "number" }] },
      branches: [{ steps: [{ kind: "standardise" }] }],
    });
    const preprocessor = preprocessorOf(step);
    let statistics = preprocessor.initial();
    const batch = (): readonly Uint8Array[] =>
      Array.from({ length: 10 }, () =>
        encodeRow([{ name: "x", kind: "number" }], [1e6 + random.normal()]),
      );
    for (let i = 0; i < 1000; i++) statistics = preprocessor.observe(statistics, batch());
    const [count, mean, variance] = statistics.map((tensor) => joined(tensor)[0]!);
    expect(count).toBe(10_000);
    expect(mean).toBeCloseTo(1e6, 1);
    expect(variance).toBeGreaterThan(0.95);
    expect(variance).toBeLessThan(1.05);
  });

  it("counts on where float32 alone would stop", () => {
    const step = numbers([{ kind: "standardise" }, { kind: "impute", with: 0 }]);
    const [count, mean, variance] = step.initial().map((tensor) => tensor.slice());
    count!.fill(2 ** 24, 0, 3);
    const observed = step.observe([count!, mean!, variance!], [Float32Array.of(1, NaN, 1)]);
    expect([...joined(observed[0]!)]).toEqual([2 ** 24 + 1, 2 ** 24, 2 ** 24 + 1]);
  });

  it("follows a stream that changes, where its memory is bounded", () => {
    const long = numbers([{ kind: "standardise" }]);
    const short = numbers([{ kind: "standardise", memorySamples: 20 }]);
    const means = [long, short].map((preprocessor) => {
      let statistics = preprocessor.initial();
      for (let i = 0; i < 200; i++) {
        const value = i < 100 ? 0 : 10;
        statistics = preprocessor.observe(statistics, [Float32Array.of(value, value, value)]);
      }
      return joined(statistics[1]!)[0]!;
    });
    expect(means[0]).toBeCloseTo(5, 9);
    expect(means[1]).toBeGreaterThan(9.8);
  });

  it("learns in each step from what the steps before it give", () => {
    const chain = numbers([
      { kind: "impute", with: 4 },
      { kind: "minMax" },
      { kind: "standardise" },
    ]);
    const batch = [Float32Array.of(NaN, 0, 1), Float32Array.of(8, 10, 1), Float32Array.of(6, 5, 2)];
    const statistics = chain.observe(chain.initial(), batch);
    const [, min, max, count, mean] = statistics.map((tensor) => [...joined(tensor)]);
    expect([min, max]).toEqual([
      [4, 0, 1],
      [8, 10, 2],
    ]);
    expect(count).toEqual([3, 3, 3]);
    [0.5, 0.5, 1 / 3].forEach((expected, c) => expect(mean![c]).toBeCloseTo(expected, 12));
  });

  it("bounds what is beyond all measure, so that statistics stay finite", () => {
    const step = numbers([{ kind: "standardise" }]);
    const wild = [Float32Array.of(3e38, -3e38, 1), Float32Array.of(-3e38, 3e38, 2)];
    const statistics = step.observe(step.initial(), wild);
    expect(statistics.every((tensor) => tensor.every(Number.isFinite))).toBe(true);
    expect(step.transform(statistics, wild).every(Number.isFinite)).toBe(true);
  });
});

describe("the distance of statistics", () => {
  it.each([
    ["standardise", [{ kind: "standardise" }]],
    ["minMax", [{ kind: "minMax" }]],
  ] as const)("bounds how far inputs are apart: %s", (_, steps) => {
    const preprocessor = numbers(steps);
    const complete = fc
      .array(finite, { minLength: 3, maxLength: 3 })
      .map((values) => Float32Array.from(values));
    const batch = fc.array(complete, { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(batch, batch, (one, other) => {
        const from = preprocessor.observe(preprocessor.initial(), one);
        const to = preprocessor.observe(from, other);
        const distance = preprocessor.distance(from, to);
        const then = preprocessor.transform(from, other);
        const now = preprocessor.transform(to, other);
        for (const [i, value] of now.entries()) {
          const most = distance * (1 + Math.abs(value)) * (1 + 1e-5) + 1e-4;
          expect(Math.abs(value - then[i]!)).toBeLessThanOrEqual(most);
        }
        expect(preprocessor.distance(to, to)).toBe(0);
      }),
    );
  });

  it("is without bound from statistics of nothing", () => {
    const to = STANDARD.observe(STANDARD.initial(), [Float32Array.of(1, 2, 3)]);
    expect(STANDARD.distance(STANDARD.initial(), to)).toBe(Infinity);
    expect(IMPUTED.distance(IMPUTED.initial(), IMPUTED.initial())).toBe(0);
  });
});

describe("statistics in a state", () => {
  it("make a replica transform to the same bits at every version, while they move", () => {
    const layout = stateLayout([
      { name: "weight", role: "parameter", dtype: "float32", shape: [3] },
      { name: "running_mean", role: "buffer", dtype: "float32", shape: [3] },
      ...IMPUTED.statistics,
    ]);
    const specs = IMPUTED.statistics;
    fc.assert(
      fc.property(fc.array(samples, { minLength: 1, maxLength: 8 }), samples, (stream, asked) => {
        const trainer = new DeployedState(createState(layout), 0);
        const replica = new DeployedState(createState(layout), 0);
        for (const [step, batch] of stream.entries()) {
          const observed = IMPUTED.observe(statisticsIn(trainer.state, specs), batch);
          const update = trainer.updateFor({
            valueType: "float32",
            indices: Uint32Array.of(step % 3),
            values: Float32Array.of(step + 1),
            buffers: statisticsChanges(layout, specs, observed),
          });
          trainer.apply(update);
          replica.apply(update);
          const here = IMPUTED.transform(observed, asked);
          const there = IMPUTED.transform(statisticsIn(replica.state, specs), asked);
          expect(new Uint32Array(there.buffer)).toEqual(new Uint32Array(here.buffer));
          expect(replica.fingerprint).toBe(trainer.fingerprint);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("must be there, and of the right kind", () => {
    const specs = STANDARD.statistics;
    const [first] = specs;
    for (const odd of [[], [{ ...first!, shape: [6] }], [{ ...first!, dtype: "int32" as const }]]) {
      const state = createState(stateLayout(odd));
      expect(() => statisticsIn(state, specs)).toThrow(ShapeError);
      expect(() => statisticsChanges(state.layout, specs, STANDARD.initial())).toThrow(ShapeError);
    }
  });
});
