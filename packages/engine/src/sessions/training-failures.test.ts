import { dataOf, type ModelState, tensorOf } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { NonFiniteLossError } from "../errors.ts";
import { mlp } from "../models/mlp.ts";
import { adam } from "../optimizers/adam.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingOptions, TrainingSession } from "./training-session.ts";

const BATCH = 8;
const model = mlp({ inputs: 4, hidden: [6], outputs: 3, activation: "relu", seed: 2 });

function open(options: Partial<TrainingOptions> = {}): Promise<TrainingSession> {
  const optimizer = adam({ learningRate: 1e-3 });
  return openTrainingSession(model, {
    optimizer,
    batchSize: BATCH,
    plan: { workers: 2 },
    ...options,
  });
}

function batch(): TrainingBatch {
  return {
    inputs: Float32Array.from({ length: 4 * BATCH }, (_, i) => Math.sin(i)),
    targets: Int32Array.from({ length: BATCH }, (_, i) => i % 3),
    size: BATCH,
  };
}

const linear = mlp({ inputs: 1, hidden: [], outputs: 2, seed: 1 });
const huber = {
  optimizer: sgd({ learningRate: 1e-3 }),
  loss: { kind: "huber", delta: 1 },
  batchSize: 2,
} as const;

/** Two samples of one number; with parameters 0 the loss is 4.5. */
function extreme(input: number): TrainingBatch {
  const targets = Float32Array.of(5, 5, 5, 5);
  return { inputs: Float32Array.of(input, input), targets, size: 2 };
}

/** Writes one number into a tensor of a state. */
function poke(state: ModelState, name: string, value: number): void {
  const entry = state.layout.tensors.find((tensor) => tensor.name === name)!;
  (dataOf(state, entry) as Float32Array)[1] = value;
}

/** The error of a step that must fail and change nothing; the next step works again. */
async function failureOf(
  session: TrainingSession,
  bad: TrainingBatch,
  repair: () => void = () => undefined,
): Promise<NonFiniteLossError> {
  const before = session.checkpoint();
  const error: unknown = await session.step(bad).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(NonFiniteLossError);
  expect(session.checkpoint()).toEqual(before);
  repair();
  await session.step(batch());
  return error as NonFiniteLossError;
}

describe("a step that cannot be used", () => {
  it("names the sample that is not finite", async () => {
    await using session = await open();
    const bad = batch();
    bad.inputs[4 * 6 + 2] = NaN;
    const error = await failureOf(session, bad);
    expect(error.message).toMatch(/^Step 1 gave loss NaN \(sample 6 of the batch is not finite\)/);
    expect(error.details["place"]).toEqual({ kind: "sample", sample: 6 });
  });

  it("names the tensor of the state that is not finite", async () => {
    await using session = await open();
    const good = Number(tensorOf(session.state, "fc2.weight").data[1]);
    poke(session.state, "fc2.weight", Infinity);
    const error = await failureOf(session, batch(), () => poke(session.state, "fc2.weight", good));
    expect(error.message).toMatch(/tensor "fc2.weight" of the state/);
  });

  it("names the first node whose output is not finite", async () => {
    await using session = await open();
    const good = Number(tensorOf(session.state, "fc1.bias").data[1]);
    poke(session.state, "fc1.bias", 3e38);
    const bad = batch();
    bad.inputs.fill(3e38);
    const error = await failureOf(session, bad, () => poke(session.state, "fc1.bias", good));
    expect(error.message).toMatch(/the output of node "fc1", Gemm/);
    expect(error.details["place"]).toEqual({ kind: "node", node: "fc1", operator: "Gemm" });
  });

  it("says when only the loss is not finite", async () => {
    const plan = { workers: 1 };
    await using session = await open({ loss: { kind: "meanSquaredError" }, plan });
    const targets = new Float32Array(3 * BATCH).fill(1e25);
    await expect(session.step({ ...batch(), targets })).rejects.toThrow(/the loss of them is not/);
  });

  it("names a parameter whose gradient is not finite though the loss is", async () => {
    await using session = await openTrainingSession(linear, { ...huber, plan: { workers: 1 } });
    session.state.parameters.fill(0);
    const before = session.checkpoint();
    const heavy = { ...extreme(3e38), weights: Float32Array.of(4, 4) };
    const error: unknown = await session.step(heavy).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "EF_NON_FINITE_LOSS",
      details: { step: 1, loss: 4.5, place: { kind: "gradient", parameter: "fc1.weight" } },
    });
    expect(session.checkpoint()).toEqual(before);
  });

  it("keeps a gradient out of θ that is finite in each worker and not in their mean", async () => {
    await using session = await openTrainingSession(linear, { ...huber, plan: { workers: 2 } });
    session.state.parameters.fill(0);
    const before = session.checkpoint();
    const error: unknown = await session.step(extreme(3e38)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "EF_NON_FINITE_LOSS",
      details: { place: { kind: "largeGradient", parameter: "fc1.weight" } },
    });
    expect(session.checkpoint()).toEqual(before);
    await session.step(extreme(1));
  });

  it("refuses gradients whose squares overflow, unless clipping makes them small", async () => {
    const options = { ...huber, optimizer: adam(), plan: { workers: 1 } };
    const large = extreme(1e22);
    await using plain = await openTrainingSession(linear, options);
    const before = plain.checkpoint();
    await expect(plain.step(large)).rejects.toThrow(/gradient of "fc.*" is above 9.2e\+18/);
    expect(plain.checkpoint()).toEqual(before);
    const optimizer = adam({ clipNorm: 1 });
    await using clipping = await openTrainingSession(linear, { ...options, optimizer });
    await clipping.step(large);
    expect(clipping.state.parameters.every(Number.isFinite)).toBe(true);
    expect(clipping.optimizerStep).toBe(1);
  });
});
