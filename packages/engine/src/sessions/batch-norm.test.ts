import { readFileSync } from "node:fs";
import { ShapeError, tensorOf, ValueRangeError } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { NonFiniteLossError } from "../errors.ts";
import { importModel } from "../models/import-model.ts";
import { adam } from "../optimizers/adam.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingOptions, TrainingSession } from "./training-session.ts";

interface GoldenRun {
  readonly steps: readonly {
    readonly loss: number;
    readonly buffers: Readonly<Record<string, readonly number[]>>;
    readonly parameterNorms: Readonly<Record<string, number>>;
  }[];
  readonly output: readonly number[];
}

interface Golden {
  readonly learningRate: number;
  readonly momentum: number;
  readonly batchSize: number;
  readonly classes: number;
  readonly exact: GoldenRun;
  readonly shards: GoldenRun;
}

const read = (suffix: string): Buffer =>
  readFileSync(new URL(`./fixtures/batch-norm.golden.${suffix}`, import.meta.url));

const golden = JSON.parse(read("json").toString("utf8")) as Golden;
const model = importModel(read("onnx"));
const SAMPLE = 2 * 8 * 8;

/** The script's batch of a step; fewer samples are the first ones. */
function batchOf(step: number, size: number = golden.batchSize): TrainingBatch {
  const inputs = Float32Array.from({ length: size * SAMPLE }, (_, i) =>
    Math.sin(12.9898 * i + 0.5 + step),
  );
  const targets = Int32Array.from({ length: size }, (_, i) => (7 * i + 3 + step) % golden.classes);
  return { inputs, targets, size };
}

function open(options: Partial<TrainingOptions> = {}): Promise<TrainingSession> {
  const { learningRate, momentum, batchSize } = golden;
  const optimizer = sgd({ learningRate, momentum });
  return openTrainingSession(model, { optimizer, batchSize, plan: { workers: 2 }, ...options });
}

function norm(session: TrainingSession, name: string): number {
  return Math.hypot(...Array.from(tensorOf(session.state, name).data, Number));
}

describe("training with BatchNormalization", () => {
  it.each([
    { mode: "exact", run: golden.exact, plan: { workers: 1, threadsPerWorker: 2 } },
    { mode: "shard", run: golden.shards, plan: { workers: 2, threadsPerWorker: 1 } },
  ] as const)("agrees with PyTorch step by step ($mode)", async ({ mode, run, plan }) => {
    await using session = await open({ plan: { workers: 2, batchNorm: mode } });
    expect(session.plan).toMatchObject({ ...plan, batchNorm: mode });
    for (const [i, expected] of run.steps.entries()) {
      const { loss } = await session.step(batchOf(i));
      expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-4);
      for (const [name, values] of Object.entries(expected.buffers)) {
        const { data } = tensorOf(session.state, name);
        values.forEach((value, c) => {
          expect(Math.abs(Number(data[c]) - value), name).toBeLessThan(1e-5 * (1 + i * i));
        });
      }
      for (const [name, value] of Object.entries(expected.parameterNorms)) {
        expect(Math.abs(norm(session, name) / value - 1), name).toBeLessThan(1e-4);
      }
    }
    const logits = await session.predict(session.state, batchOf(5).inputs, golden.batchSize);
    run.output.forEach((value, i) => expect(Math.abs(logits[i]! - value)).toBeLessThan(1e-3));
  });

  it("does not let padding into the statistics: small batches have graphs of their own", async () => {
    await using sharded = await open();
    await using exact = await open({ plan: { workers: 1 } });
    // Parts under 16 samples go to one worker, which then has the whole batch.
    for (const size of [20, 3, 31, 20, 2, 16, 9, 3]) {
      const step = await sharded.step(batchOf(size, size));
      const expected = await exact.step(batchOf(size, size));
      expect(step.loss).toBe(expected.loss);
    }
    expect(sharded.checkpoint()).toEqual(exact.checkpoint());
  });

  it("has fewer workers where parts would have fewer than 16 samples", async () => {
    await using odd = await open({ batchSize: 33, plan: { workers: 4 } });
    expect(odd.plan).toMatchObject({ workers: 2, batchNorm: "shard" });
    await odd.step(batchOf(1, 33));
  });

  it("goes on from a checkpoint bit for bit, statistics included", async () => {
    const optimizer = adam({ learningRate: 0.01 });
    await using whole = await open({ optimizer });
    for (let i = 0; i < 3; i++) await whole.step(batchOf(i));
    const checkpoint = whole.checkpoint();
    for (let i = 3; i < 6; i++) await whole.step(batchOf(i));
    await using resumed = await open({ optimizer, checkpoint });
    expect(resumed.optimizerStep).toBe(3);
    for (let i = 3; i < 6; i++) await resumed.step(batchOf(i));
    expect(resumed.checkpoint()).toEqual(whole.checkpoint());
  });

  it("leaves the statistics as they were when a step fails in one worker", async () => {
    await using session = await open();
    await session.step(batchOf(0));
    const before = session.checkpoint();
    const poisoned = batchOf(1);
    poisoned.inputs[golden.batchSize * SAMPLE - 1] = Infinity;
    await expect(session.step(poisoned)).rejects.toThrow(NonFiniteLossError);
    expect(session.checkpoint()).toEqual(before);
    await session.step(batchOf(1));
    await using other = await open({ checkpoint: before });
    await other.step(batchOf(1));
    expect(session.checkpoint()).toEqual(other.checkpoint());
  });

  it("refuses a batch without a variance", async () => {
    await using session = await open({ plan: { workers: 1 } });
    await expect(session.step(batchOf(0, 1))).rejects.toThrow(ValueRangeError);
    await expect(session.step(batchOf(0, 33))).rejects.toThrow(ShapeError);
  });
});
