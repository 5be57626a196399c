import { sizeOf } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DropoutMask } from "../autodiff/training-mode.ts";
import { trainingStep } from "../autodiff/training-step.ts";
import { BATCH } from "../graph/dimension.ts";
import { exportModel } from "../models/export-model.ts";
import { importModel } from "../models/import-model.ts";
import type { Model } from "../models/model.ts";
import { writeOnnx } from "../onnx/write.ts";
import { booleans, floats, int, smooth } from "../ops/case-source.fixture.ts";
import { adam } from "../optimizers/adam.ts";
import { sgd } from "../optimizers/sgd.ts";
import { fillMask } from "./dropout-masks.ts";
import {
  compiledMaskSource,
  MASK_ELEMENTS_MAX,
  maskSource,
  plainMaskSource,
} from "./mask-source.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingOptions, TrainingSession } from "./training-session.ts";

const HIDDEN = 40;
const BATCH_SIZE = 12;
const always = { ...booleans(0, [1]), data: Uint8Array.of(1), shape: [] };

/** Two layers with Dropout before each, as PyTorch writes them for training. */
function dropping(ratio: number): Model {
  const dropout = (name: string, x: string, y: string) =>
    ({
      name,
      operator: "Dropout",
      inputs: [x, "ratio", "training"],
      outputs: [y, `${y}.mask`],
      attributes: {},
    }) as const;
  const gemm = (name: string, x: string, w: string, y: string) =>
    ({
      name,
      operator: "Gemm",
      inputs: [x, w],
      outputs: [y],
      attributes: { transB: int(1) },
    }) as const;
  return importModel(
    writeOnnx({
      name: "dropping",
      inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 6] }],
      outputs: [{ name: "y", dtype: "float32", shape: [BATCH, 3] }],
      initialisers: [
        ["w1", smooth(1, [HIDDEN, 6])],
        ["w2", smooth(2, [3, HIDDEN])],
      ],
      constantNodes: [
        ["ratio", floats([ratio], [])],
        ["training", always],
      ],
      nodes: [
        dropout("drop1", "x", "a"),
        gemm("fc1", "a", "w1", "b"),
        { name: "bend", operator: "Tanh", inputs: ["b"], outputs: ["c"], attributes: {} },
        dropout("drop2", "c", "d"),
        gemm("fc2", "d", "w2", "y"),
      ],
    }),
  );
}

const model = dropping(0.5);

function batchOf(step: number, size = BATCH_SIZE): TrainingBatch {
  const inputs = Float32Array.from(smooth(step, [size, 6]).data, Number);
  return { inputs, targets: Int32Array.from({ length: size }, (_, i) => i % 3), size };
}

function open(options: Partial<TrainingOptions> = {}): Promise<TrainingSession> {
  const optimizer = sgd({ learningRate: 0.1 });
  const plan = { workers: 1 };
  return openTrainingSession(model, {
    optimizer,
    batchSize: BATCH_SIZE,
    plan,
    seed: 5,
    ...options,
  });
}

async function trained(options: Partial<TrainingOptions> = {}, steps = 5): Promise<Float32Array> {
  await using session = await open(options);
  for (let i = 0; i < steps; i++) await session.step(batchOf(i, BATCH_SIZE - (i % 3)));
  return session.state.parameters.slice();
}

describe("a source of masks", () => {
  it("is the same in WebAssembly and in TypeScript", () => {
    const compiled = compiledMaskSource()!;
    const plain = plainMaskSource();
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const rows = fc.record({
      key: fc.tuple(word, fc.integer({ min: 0, max: 2 ** 21 - 1 })),
      row: fc.nat(100_000),
      optimizerStep: word,
      stream: word,
      dropped: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
      kept: fc.float({ min: 1, max: 1000, noNaN: true }),
    });
    fc.assert(
      fc.property(rows, fc.nat(2 ** 20), fc.integer({ min: 1, max: 3 }), (row, group, groups) => {
        expect(compiled(row, group, groups)).toEqual(plain(row, group, groups));
      }),
      { numRuns: 50, seed: 1 },
    );
    const row = {
      key: [7, 0],
      row: 3,
      optimizerStep: 1,
      stream: 9,
      dropped: 30_000,
      kept: 2,
    } as const;
    const most = MASK_ELEMENTS_MAX / 32;
    expect(compiled(row, 5, most)).toEqual(plain(row, 5, most));
  });
});

describe("fillMask", () => {
  const key = { seed: 3, optimizerStep: 8 };
  const source = maskSource();

  it.each([
    { shape: [9, 5, 7], batchAxis: 0 },
    { shape: [5, 9, 3], batchAxis: 1 },
    { shape: [27, 4], batchAxis: 0 },
    { shape: [4, 18, 3, 2], batchAxis: 1 },
    { shape: [9, 5000], batchAxis: 0 },
  ])("does not depend on how the rows are split ($shape, $batchAxis)", ({ shape, batchAxis }) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), (cut) => {
        const mask: DropoutMask = { name: "m", shape, batchAxis, ratio: 0.3, node: "drop" };
        const whole = new Float32Array(sizeOf(shape));
        fillMask(mask, whole, 9, key, [0, 9], source);
        const outer = sizeOf(shape.slice(0, batchAxis));
        const run = whole.length / outer / 9;
        for (const [from, to] of [[0, cut] as const, [cut, 9] as const]) {
          const part = new Float32Array(whole.length);
          fillMask(mask, part, 9, key, [from, to], source);
          for (let o = 0; o < outer; o++) {
            const start = o * 9 * run;
            expect(part.subarray(start, start + (to - from) * run)).toEqual(
              whole.subarray(start + from * run, start + to * run),
            );
          }
        }
      }),
      { numRuns: 10, seed: 1 },
    );
  });

  it.each([0.1, 0.5, 0.9])("drops %d of the elements and keeps the mean", (ratio) => {
    const mask: DropoutMask = { name: "m", shape: [64, 500], batchAxis: 0, ratio, node: "drop" };
    const values = new Float32Array(32_000);
    fillMask(mask, values, 64, key, [0, 64], source);
    const dropped = values.filter((value) => value === 0).length / values.length;
    expect(Math.abs(dropped - ratio)).toBeLessThan(0.01);
    expect(new Set(values).size).toBe(2);
    expect((1 - ratio) * Math.max(...values)).toBeCloseTo(1, 3);
  });

  it("differs by seed, step, node and row, and is shared where there are no rows", () => {
    const shape = [2, 64];
    const draw = (
      mask: Partial<DropoutMask>,
      of: Partial<typeof key> = {},
      from = 0,
    ): Float32Array => {
      const values = new Float32Array(128);
      const whole = { name: "m", shape, batchAxis: 0, ratio: 0.5, node: "a", ...mask };
      fillMask(whole, values, 2, { ...key, ...of }, [from, from + 2], source);
      return values;
    };
    const first = draw({});
    expect(draw({})).toEqual(first);
    for (const other of [
      draw({ node: "b" }),
      draw({}, { seed: 4 }),
      draw({}, { seed: 3 + 2 ** 32 }),
      draw({}, { optimizerStep: 9 }),
      draw({}, {}, 1),
    ]) {
      expect(other).not.toEqual(first);
    }
    expect(draw({ batchAxis: null }, {}, 1)).toEqual(draw({ batchAxis: null }));
  });
});

describe("training with Dropout", () => {
  it("has masks as inputs, one for each node that drops", () => {
    const { inputs } = trainingStep(model, { batchSize: 4 });
    expect(inputs.masks).toEqual([
      { name: "drop1.mask", shape: [4, 6], batchAxis: 0, ratio: 0.5, node: "drop1" },
      { name: "drop2.mask", shape: [4, HIDDEN], batchAxis: 0, ratio: 0.5, node: "drop2" },
    ]);
    expect(trainingStep(dropping(0), { batchSize: 4 }).inputs.masks).toEqual([]);
  });

  it("keeps its nodes through a file", () => {
    const again = importModel(exportModel(model));
    expect(again.graph).toEqual(model.graph);
  });

  it("draws the same masks for any number of workers", async () => {
    const one = await trained({ plan: { workers: 1 } });
    const three = await trained({ plan: { workers: 3 } });
    three.forEach((value, i) => expect(value).toBeCloseTo(one[i]!, 5));
    const reseeded = await trained({ plan: { workers: 1 }, seed: 6 });
    const differences = reseeded.map((value, i) => Math.abs(value - one[i]!));
    expect(Math.max(...differences)).toBeGreaterThan(0.01);
  });

  it("goes on from a checkpoint bit for bit", async () => {
    const optimizer = adam({ learningRate: 0.01 });
    await using whole = await open({ optimizer });
    for (let i = 0; i < 3; i++) await whole.step(batchOf(i));
    const checkpoint = whole.checkpoint();
    for (let i = 3; i < 6; i++) await whole.step(batchOf(i));
    await using resumed = await open({ optimizer, checkpoint });
    for (let i = 3; i < 6; i++) await resumed.step(batchOf(i));
    expect(resumed.checkpoint()).toEqual(whole.checkpoint());
  });

  it("drops with each step something else, and nothing when it predicts", async () => {
    await using session = await open({ optimizer: sgd({ learningRate: 1e-12 }) });
    const { inputs, size } = batchOf(0);
    const before = await session.predict(session.state, inputs, size);
    const losses = new Set<number>();
    for (let i = 0; i < 4; i++) losses.add((await session.step(batchOf(0))).loss);
    expect(losses.size).toBe(4);
    expect(await session.predict(session.state, inputs, size)).toEqual(before);
  });

  it("refuses seeds and ratios that are none", async () => {
    await expect(open({ seed: -1 })).rejects.toThrow(RangeError);
    await expect(open({ seed: 0.5 })).rejects.toThrow(RangeError);
    expect(() => dropping(1)).toThrow(/drops 1 of its elements/);
  });
});
