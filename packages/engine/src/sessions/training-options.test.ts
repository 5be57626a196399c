import { Random, ShapeError, ValueRangeError } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import type { LossSpec } from "../losses/loss-of.ts";
import { mlp } from "../models/mlp.ts";
import type { Model } from "../models/model.ts";
import { adamW } from "../optimizers/adam.ts";
import { rmsprop } from "../optimizers/rmsprop.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingOptions, TrainingSession } from "./training-session.ts";

const INPUTS = 4;
const OUTPUTS = 3;
const BATCH = 9;
const model: Model = mlp({ inputs: INPUTS, hidden: [5], outputs: OUTPUTS, seed: 3 });
/** The step of this is the gradient itself. */
const identity = sgd({ learningRate: 1 });

const lossKinds = ["meanSquaredError", "huber", "binaryCrossEntropyWithLogits"] as const;

function open(options: Partial<TrainingOptions> = {}): Promise<TrainingSession> {
  return openTrainingSession(model, { optimizer: identity, batchSize: BATCH, ...options });
}

function inputsOf(size: number, seed = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: size * INPUTS }, () => 3 * random.normal());
}

function classes(size: number, seed = 1): TrainingBatch {
  const targets = Int32Array.from({ length: size }, (_, i) => (i * 2 + seed) % OUTPUTS);
  return { inputs: inputsOf(size, seed), targets, size };
}

function numbers(size: number): TrainingBatch {
  const targets = Float32Array.from({ length: size * OUTPUTS }, (_, i) => (i % 5) / 4);
  return { inputs: inputsOf(size), targets, size };
}

/** The samples of a batch at the given positions. */
function pick(
  { inputs, targets, size }: TrainingBatch,
  positions: readonly number[],
): TrainingBatch {
  const each = targets.length / size;
  const rows = (array: Float32Array | Int32Array, length: number): number[] =>
    positions.flatMap((at) => [...array.subarray(at * length, (at + 1) * length)]);
  const picked = rows(targets, each);
  return {
    inputs: Float32Array.from(rows(inputs, INPUTS)),
    targets: targets instanceof Int32Array ? Int32Array.from(picked) : Float32Array.from(picked),
    size: positions.length,
  };
}

interface Step {
  readonly loss: number;
  readonly change: readonly number[];
}

/** Loss and change of the parameters by one step from the model's own state. */
async function stepOf(session: TrainingSession, batch: TrainingBatch): Promise<Step> {
  const { parameters } = session.state;
  parameters.set(model.state.parameters);
  const { loss } = await session.step(batch);
  return { loss, change: Array.from(parameters, (p, i) => model.state.parameters[i]! - p) };
}

function expectSame(actual: Step, expected: Step): void {
  expect(actual.loss).toBeCloseTo(expected.loss, 5);
  actual.change.forEach((value, i) => expect(value).toBeCloseTo(expected.change[i]!, 5));
}

describe("clipping by norm in a session", () => {
  it.each([1, 3])("shortens the mean gradient of all of %d workers", async (workers) => {
    await using free = await open({ plan: { workers } });
    const { change: gradient } = await stepOf(free, classes(BATCH));
    const norm = Math.hypot(...gradient);
    const clipNorm = norm / 3;
    const optimizer = sgd({ learningRate: 1, clipNorm });
    await using clipping = await open({ plan: { workers }, optimizer });
    const { change } = await stepOf(clipping, classes(BATCH));
    expect(Math.hypot(...change)).toBeCloseTo(clipNorm, 5);
    change.forEach((value, i) => expect(value).toBeCloseTo(gradient[i]! / 3, 5));
  });

  it("gives the same bits for the same batches", async () => {
    const optimizer = adamW({ clipNorm: 0.1 });
    const runs = [0, 1].map(async () => {
      await using session = await open({ optimizer, plan: { workers: 2 } });
      for (let step = 0; step < 20; step++) await session.step(classes(BATCH, step));
      return session.checkpoint();
    });
    const [first, second] = await Promise.all(runs);
    expect(second).toEqual(first);
  });
});

describe("optimizers in a session", () => {
  const learningRate = { kind: "cosine", learningRate: 0.05, steps: 8, warmUpSteps: 3 } as const;

  it.each([
    adamW({ learningRate, amsgrad: true, clipNorm: 0.5 }),
    rmsprop({ learningRate, centered: true, momentum: 0.5 }),
  ])("go on from a checkpoint bit for bit, schedule included ($kind)", async (optimizer) => {
    await using whole = await open({ optimizer });
    for (let step = 0; step < 5; step++) await whole.step(classes(BATCH, step));
    const checkpoint = whole.checkpoint();
    await using resumed = await open({ optimizer, checkpoint });
    for (let step = 5; step < 12; step++) {
      await whole.step(classes(BATCH, step));
      await resumed.step(classes(BATCH, step));
    }
    expect(resumed.checkpoint()).toEqual(whole.checkpoint());
    expect(checkpoint).not.toEqual(whole.checkpoint());
  });
});

describe("losses in a session", () => {
  it.each<{ loss: LossSpec; batch: TrainingBatch }>([
    { loss: { kind: "softmaxCrossEntropy" }, batch: classes(5) },
    { loss: { kind: "softmaxCrossEntropy", classWeights: [1, 2, 0.5] }, batch: classes(5) },
    { loss: { kind: "softmaxCrossEntropy", labels: "soft" }, batch: numbers(5) },
    ...lossKinds.map((kind) => ({ loss: { kind }, batch: numbers(5) })),
  ])("count a sample of weight 2 twice and one of weight 0 never (%#)", async (given) => {
    const { loss, batch } = given;
    const weights = Float32Array.of(2, 0, 1, 0, 1);
    const targets = batch.targets.slice();
    const each = targets.length / batch.size;
    targets.fill(targets instanceof Int32Array ? -7 : NaN, 3 * each, 4 * each);
    await using session = await open({ loss, plan: { workers: 2 } });
    const expected = await stepOf(session, pick(batch, [0, 0, 2, 4]));
    expectSame(await stepOf(session, { ...batch, targets, weights }), expected);
  });

  it("leave samples with the ignored label out, also where a worker has no other", async () => {
    const loss = { kind: "softmaxCrossEntropy", ignoreIndex: -100 } as const;
    const batch = classes(BATCH);
    await using session = await open({ loss, plan: { workers: 2 } });
    const expected = await stepOf(session, pick(batch, [0, 1, 2]));
    const targets = batch.targets.slice().fill(-100, 3);
    expectSame(await stepOf(session, { ...batch, targets }), expected);
  });

  it("divide by what the classes weigh together", async () => {
    const loss = { kind: "softmaxCrossEntropy", classWeights: [3, 0, 1] } as const;
    const batch: TrainingBatch = { ...classes(4), targets: Int32Array.of(0, 1, 2, 1) };
    const weights = Float32Array.of(3, 1);
    await using session = await open({ loss });
    await using plain = await open();
    const expected = await stepOf(plain, { ...pick(batch, [0, 2]), weights });
    expectSame(await stepOf(session, batch), expected);
  });

  it("forget the weights and targets of the batch before", async () => {
    await using session = await open({ loss: { kind: "meanSquaredError" }, plan: { workers: 1 } });
    const expected = await stepOf(session, numbers(2));
    await stepOf(session, { ...numbers(BATCH), weights: new Float32Array(BATCH).fill(7) });
    expect(await stepOf(session, numbers(2))).toEqual(expected);
  });

  it("change nothing when no sample counts", async () => {
    await using session = await open({ loss: { kind: "softmaxCrossEntropy", ignoreIndex: -1 } });
    const before = session.checkpoint();
    const batch = classes(BATCH);
    for (const nothing of [
      { ...batch, targets: new Int32Array(BATCH).fill(-1) },
      { ...batch, weights: new Float32Array(BATCH) },
    ]) {
      await expect(session.step(nothing)).rejects.toThrow(ValueRangeError);
    }
    expect(session.checkpoint()).toEqual(before);
    expect((await session.step(batch)).loss).toBeGreaterThan(0);
  });

  it("have read the arrays of a step when step() returns, also of a queued one", async () => {
    await using session = await open({ loss: { kind: "huber" } });
    const weights = Float32Array.of(1, 2, 3);
    for (let i = 0; i < 3; i++) await session.step({ ...numbers(3), weights });
    const awaited = [...session.state.parameters];
    session.state.parameters.set(model.state.parameters);
    const steps = [0, 1, 2].map(() => {
      const batch = { ...numbers(3), weights: weights.slice() };
      const done = session.step(batch);
      batch.targets.fill(NaN);
      batch.weights.fill(NaN);
      return done;
    });
    await Promise.all(steps);
    expect([...session.state.parameters]).toEqual(awaited);
  });

  it("refuse targets and weights that do not fit", async () => {
    await using session = await open({ loss: { kind: "huber" } });
    await expect(session.step(classes(3))).rejects.toThrow(ShapeError);
    const batch = numbers(3);
    for (const weights of [Float32Array.of(1, 1), Float32Array.of(1, 1, 1, 1)]) {
      await expect(session.step({ ...batch, weights })).rejects.toThrow(ShapeError);
    }
    for (const weight of [-1, NaN, Infinity]) {
      const weights = Float32Array.of(1, weight, 1);
      await expect(session.step({ ...batch, weights })).rejects.toThrow(ValueRangeError);
    }
    await using plain = await open();
    const half = { ...classes(3), targets: Float32Array.of(0, 0.5, 1) };
    await expect(plain.step(half)).rejects.toThrow(ValueRangeError);
  });
});
