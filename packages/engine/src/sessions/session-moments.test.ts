import { readFileSync } from "node:fs";
import { cloneState, createState, ShapeError, tensorOf, ValueRangeError } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importModel } from "../models/import-model.ts";
import { lenet5 } from "../models/lenet5.ts";
import { cifarResnet } from "../models/resnet20.ts";
import { sgd } from "../optimizers/sgd.ts";
import { type BatchMoments, pooledMoments } from "./batch-moments.ts";
import type { ExecutionPlan } from "./execution-plan.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingSession } from "./training-session.ts";

const golden = importModel(
  readFileSync(new URL("./fixtures/batch-norm.golden.onnx", import.meta.url)),
);
const resnet = cifarResnet({ blocks: 1, width: 4, inputSize: 8, seed: 5 });
const SAMPLE = 3 * 8 * 8;
const BATCH = 64;

function open(plan: Partial<ExecutionPlan>, model = resnet): Promise<TrainingSession> {
  return openTrainingSession(model, {
    optimizer: sgd({ learningRate: 0.1 }),
    batchSize: BATCH,
    plan,
  });
}

function inputsOf(size: number, seed = 0, length = SAMPLE): Float32Array {
  return Float32Array.from({ length: size * length }, (_, i) => Math.sin(12.9898 * i + seed));
}

describe("the statistics of a batch", () => {
  it("are those that a step moves the running statistics by", async () => {
    for (const plan of [{ workers: 2 }, { workers: 2, batchNorm: "exact" }] as const) {
      await using session = await open(plan);
      for (const size of [BATCH, 41]) {
        const inputs = inputsOf(size, size);
        const before = cloneState(session.state);
        const { layers } = await session.moments(session.state, inputs, size);
        expect(layers).toHaveLength(9);
        await session.step({ inputs, targets: new Int32Array(size), size });
        for (const { runningMean, runningVariance, ...layer } of layers) {
          const n = size * layer.elementsPerSample;
          // PyTorch's default momentum, 0.1, takes in the mean and the unbiased variance.
          const cases = [
            [runningMean, layer.mean],
            [runningVariance, layer.variance.map((value) => (value * n) / (n - 1))],
          ] as const;
          for (const [name, expected] of cases) {
            const old = tensorOf(before, name).data;
            Array.from(tensorOf(session.state, name).data, Number).forEach((now, c) => {
              const taken = (now - 0.9 * Number(old[c])) / 0.1;
              expect(Math.abs(taken - (expected[c] ?? NaN))).toBeLessThan(1e-5);
            });
          }
        }
      }
    }
  });

  it("are taken under any state, whatever its running statistics, and change nothing", async () => {
    await using session = await open({ workers: 2 });
    await session.step({ inputs: inputsOf(BATCH), targets: new Int32Array(BATCH), size: BATCH });
    const before = session.checkpoint();
    const inputs = inputsOf(50, 3);
    const under = (state: typeof resnet.state): Promise<BatchMoments> =>
      session.moments(state, inputs, 50);
    const trained = await under(session.state);
    const copy = cloneState(session.state);
    for (const { name, role } of copy.layout.tensors) {
      if (role === "buffer") (tensorOf(copy, name).data as Float32Array).fill(1e9);
    }
    expect(await under(copy)).toEqual(trained);
    const first = await under(resnet.state);
    expect(first.layers.at(-1)?.mean).not.toEqual(trained.layers.at(-1)?.mean);
    // The first convolution sees the samples alone: its outputs are 0 under weights of 0.
    const zero = await under(createState(resnet.state.layout));
    expect([...(zero.layers[0]?.mean ?? [])]).toEqual([0, 0, 0, 0]);
    expect(session.checkpoint()).toEqual(before);
    expect(await under(session.state)).toEqual(trained);
  });

  it("are none in a model without BatchNormalization", async () => {
    await using session = await open({ workers: 1 }, lenet5());
    const found = await session.moments(session.state, inputsOf(3, 0, 784), 3);
    expect(found).toEqual({ size: 3, layers: [] });
  });

  it("refuses what is no batch of the session", async () => {
    await using session = await open({ workers: 2 }, golden);
    const length = 2 * 8 * 8;
    const of = (size: number, given = size): Promise<BatchMoments> =>
      session.moments(session.state, inputsOf(given, 0, length), size);
    await expect(of(4, 5)).rejects.toThrow(ShapeError);
    await expect(of(BATCH + 1)).rejects.toThrow(/takes at most 64/);
    await expect(of(1)).rejects.toThrow(ValueRangeError);
    await of(2);
  });
});

describe("pooledMoments", () => {
  it("gives the statistics of all samples, however they are parted", () => {
    const parts = fc.array(fc.array(fc.integer({ min: -99, max: 99 }), { minLength: 1 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(parts, (all) => {
        const { size, layers } = pooledMoments(all.map(momentsOf));
        const [expected] = momentsOf(all.flat()).layers;
        expect(size).toBe(all.flat().length);
        expect(layers[0]?.mean[0]).toBeCloseTo(expected?.mean[0] ?? NaN, 9);
        expect(layers[0]?.variance[0]).toBeCloseTo(expected?.variance[0] ?? NaN, 7);
      }),
    );
  });
});

/** The statistics of numbers, as one channel. */
function momentsOf(values: readonly number[]): BatchMoments {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const layer = {
    runningMean: "mean",
    runningVariance: "variance",
    elementsPerSample: 1,
    mean: Float64Array.of(mean),
    variance: Float64Array.of(squares / values.length),
  };
  return { size: values.length, layers: [layer] };
}
