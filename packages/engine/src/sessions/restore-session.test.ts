import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointMismatchError, CorruptCheckpointError } from "../errors.ts";
import { mlp } from "../models/mlp.ts";
import { adagrad } from "../optimizers/adagrad.ts";
import { adam } from "../optimizers/adam.ts";
import type { OptimizerSpec } from "../optimizers/optimizer-of.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingOptions, TrainingSession } from "./training-session.ts";

const INPUTS = 4;
const SIZE = 6;
const model = mlp({ inputs: INPUTS, hidden: [5], outputs: 3, seed: 3 });

const momentum = sgd({ learningRate: 0.1, momentum: 0.9 });

function open(options: Partial<TrainingOptions> = {}): Promise<TrainingSession> {
  return openTrainingSession(model, { optimizer: adam(), batchSize: SIZE, ...options });
}

function batchOf(step: number): TrainingBatch {
  return {
    inputs: Float32Array.from({ length: SIZE * INPUTS }, (_, i) => Math.sin(i + 7 * step)),
    targets: Int32Array.from({ length: SIZE }, (_, i) => (i + step) % 3),
    size: SIZE,
  };
}

async function train(session: TrainingSession, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) await session.step(batchOf(step));
}

describe("restore", () => {
  it.each([
    { backend: "native", workers: 2, optimizer: adam({ amsgrad: true }) },
    { backend: "native", workers: 1, optimizer: momentum },
    { backend: "wasm", workers: 1, optimizer: adam() },
  ] as const)("goes on where it was, $backend, $workers", async ({ optimizer, ...plan }) => {
    await using session = await open({ optimizer, plan });
    await train(session, 0, 3);
    const checkpoint = session.checkpoint();
    await train(session, 3, 8);
    const later = session.checkpoint();
    await session.restore(checkpoint);
    expect(session.optimizerStep).toBe(3);
    expect(session.checkpoint()).toEqual(checkpoint);
    await train(session, 3, 8);
    expect(session.checkpoint()).toEqual(later);
    expect(later.state).not.toEqual(checkpoint.state);
  });

  it("starts the optimizer anew when there is not a byte of it", async () => {
    const optimizer: OptimizerSpec = adagrad({ learningRate: 0.1, initialAccumulator: 0.1 });
    await using session = await open({ optimizer });
    const { state } = session.checkpoint();
    await train(session, 0, 4);
    const first = session.checkpoint();
    await session.restore({ state, optimizer: new Uint8Array(0) });
    expect(session.optimizerStep).toBe(0);
    await train(session, 0, 4);
    expect(session.checkpoint()).toEqual(first);
    const fresh = { state: first.state, optimizer: new Uint8Array(0) };
    await using opened = await open({ optimizer, checkpoint: fresh });
    await session.restore(fresh);
    for (const each of [opened, session]) await train(each, 4, 6);
    expect(opened.checkpoint()).toEqual(session.checkpoint());
  });

  it("has its turn between the steps called before and after it, with what it was given then", async () => {
    await using session = await open();
    await using plain = await open();
    await train(plain, 0, 2);
    const checkpoint = plain.checkpoint();
    await train(plain, 5, 7);
    const given = { state: checkpoint.state.slice(), optimizer: checkpoint.optimizer.slice() };
    const calls = [session.step(batchOf(9)), session.restore(given)];
    given.state.fill(1);
    given.optimizer.fill(1);
    calls.push(session.step(batchOf(5)), session.step(batchOf(6)));
    await Promise.all(calls);
    expect(session.checkpoint()).toEqual(plain.checkpoint());
  });

  it("changes nothing when the checkpoint is damaged or foreign", async () => {
    await using session = await open();
    await using other = await open({ optimizer: momentum });
    await train(session, 0, 2);
    await other.step(batchOf(0));
    const before = session.checkpoint();
    const { state, optimizer } = other.checkpoint();
    await expect(session.restore({ state, optimizer })).rejects.toThrow(CheckpointMismatchError);
    const short = { state: state.subarray(4), optimizer: before.optimizer };
    await expect(session.restore(short)).rejects.toThrow(CheckpointMismatchError);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(before.optimizer.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const damaged = before.optimizer.slice();
          damaged[at] = (damaged[at] ?? 0) ^ flip;
          const restoring = session.restore({ state, optimizer: damaged });
          await expect(restoring).rejects.toThrow(CorruptCheckpointError);
        },
      ),
      { numRuns: 20 },
    );
    expect(session.checkpoint()).toEqual(before);
    expect(session.optimizerStep).toBe(2);
    await session.step(batchOf(2));
    expect(session.optimizerStep).toBe(3);
  });
});
