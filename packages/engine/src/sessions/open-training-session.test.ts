import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cloneState, Random, ShapeError, ValueRangeError } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import {
  CheckpointMismatchError,
  CorruptCheckpointError,
  NonFiniteLossError,
  SessionClosedError,
} from "../errors.ts";
import { mlp } from "../models/mlp.ts";
import type { Model } from "../models/model.ts";
import { adam } from "../optimizers/adam.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingOptions, TrainingSession } from "./training-session.ts";

const INPUTS = 6;
const CLASSES = 3;
const BATCH = 10;
const model: Model = mlp({ inputs: INPUTS, hidden: [8], outputs: CLASSES, seed: 7 });
const momentum = sgd({ learningRate: 0.1, momentum: 0.9 });

/** Samples whose class is which third of the inputs has the largest sum. */
function batchOf(size: number, seed: number): TrainingBatch {
  const random = new Random(seed);
  const inputs = Float32Array.from({ length: size * INPUTS }, () => random.normal());
  const targets = Int32Array.from({ length: size }, (_, i) => {
    const sums = [0, 1, 2].map(
      (c) => inputs[i * INPUTS + 2 * c]! + inputs[i * INPUTS + 2 * c + 1]!,
    );
    return sums.indexOf(Math.max(...sums));
  });
  return { inputs, targets, size };
}

function open(options: Partial<TrainingOptions> = {}): Promise<TrainingSession> {
  return openTrainingSession(model, { optimizer: momentum, batchSize: BATCH, ...options });
}

async function train(session: TrainingSession, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) {
    await session.step(batchOf(1 + ((step * 7) % BATCH), step));
  }
}

const bytesOf = (session: TrainingSession): Uint8Array =>
  new Uint8Array(session.state.buffer).slice();

describe("openTrainingSession", () => {
  it("learns, and says how it computes", async () => {
    await using session = await open({ plan: { workers: 2 } });
    const first = await session.step(batchOf(BATCH, 1));
    for (let i = 0; i < 60; i++) await session.step(batchOf(BATCH, 1));
    const last = await session.step(batchOf(BATCH, 1));
    expect(last.loss).toBeLessThan(0.2 * first.loss);
    expect(session.plan).toMatchObject({ workers: 2, threadsPerWorker: 1 });
    expect(session.plan.onnxruntime).toMatch(/^\d+\.\d+/);
  });

  it("computes the same step however the batch is split and padded", async () => {
    const states = await Promise.all(
      [1, 2, 3].map(async (workers) => {
        await using session = await open({ plan: { workers } });
        const losses = [];
        for (const size of [BATCH, 1, 4, 7, BATCH]) {
          losses.push((await session.step(batchOf(size, size))).loss);
        }
        return [...losses, ...session.state.parameters];
      }),
    );
    for (const other of states.slice(1)) {
      other.forEach((value, i) => expect(value).toBeCloseTo(states[0]![i]!, 5));
    }
  });

  it("gives the same bits for the same batches after 100 steps", async () => {
    const runs = await Promise.all(
      [0, 1].map(async () => {
        await using session = await open({ optimizer: adam(), plan: { workers: 2 } });
        await train(session, 0, 100);
        return bytesOf(session);
      }),
    );
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[0]).not.toEqual(new Uint8Array(model.state.buffer));
  });

  it("goes on from a checkpoint bit for bit", async () => {
    const optimizer = adam({ amsgrad: true });
    await using whole = await open({ optimizer });
    await train(whole, 0, 10);
    const checkpoint = whole.checkpoint();
    await train(whole, 10, 20);
    await using resumed = await open({ optimizer, checkpoint });
    await train(resumed, 10, 20);
    expect(bytesOf(resumed)).toEqual(bytesOf(whole));
    expect(resumed.checkpoint()).toEqual(whole.checkpoint());
  });

  it("refuses a damaged checkpoint and one of another model or optimizer", async () => {
    await using session = await open();
    const checkpoint = session.checkpoint();
    const damaged = { ...checkpoint, optimizer: checkpoint.optimizer.slice() };
    damaged.optimizer[30]! ^= 1;
    await expect(open({ checkpoint: damaged })).rejects.toThrow(CorruptCheckpointError);
    await expect(open({ checkpoint, optimizer: adam() })).rejects.toThrow(CheckpointMismatchError);
    const short = { ...checkpoint, state: checkpoint.state.subarray(8) };
    await expect(open({ checkpoint: short })).rejects.toThrow(CheckpointMismatchError);
  });

  it("changes nothing when the loss is not finite, and can go on", async () => {
    await using session = await open({ optimizer: adam() });
    await train(session, 0, 3);
    const before = session.checkpoint();
    const poisoned = batchOf(BATCH, 3);
    poisoned.inputs[INPUTS * (BATCH - 1)] = NaN;
    const failure = await session.step(poisoned).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NonFiniteLossError);
    expect(failure).toMatchObject({ code: "EF_NON_FINITE_LOSS", details: { step: 4 } });
    expect(session.checkpoint()).toEqual(before);
    const after = await session.step(batchOf(BATCH, 3));
    expect(after.loss).toBeGreaterThan(0);
  });

  it("leaves the caller's event loop free", async () => {
    await using session = await open();
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns++;
      if (running) setImmediate(turn);
    };
    const steps = 100;
    setImmediate(turn);
    await train(session, 0, steps);
    running = false;
    // A step that blocked this thread would leave about one turn per message.
    expect(turns).toBeGreaterThan(5 * steps);
  });

  it("queues steps that are not awaited, and has read their arrays when step() returns", async () => {
    await using awaited = await open();
    await train(awaited, 0, 8);
    await using queued = await open();
    const steps = Array.from({ length: 8 }, (_, step) => {
      const batch = batchOf(1 + ((step * 7) % BATCH), step);
      const done = queued.step(batch);
      batch.inputs.fill(NaN);
      batch.targets.fill(0);
      return done;
    });
    await Promise.all(steps);
    expect(bytesOf(queued)).toEqual(bytesOf(awaited));
  });

  it("predicts under θ and under any other state, in order with the steps", async () => {
    await using session = await open({ plan: { workers: 2 } });
    const { inputs } = batchOf(500, 9);
    const start = cloneState(session.state);
    const sharedStart = cloneState(session.state, { shared: true });
    const before = session.predict(session.state, inputs, 500);
    const stepped = session.step(batchOf(BATCH, 1));
    const after = session.predict(session.state, inputs, 500);
    const underStart = session.predict(start, inputs, 500);
    const underShared = session.predict(sharedStart, inputs, 500);
    new Uint8Array(start.buffer).fill(0);
    await stepped;
    expect(await before).toHaveLength(500 * CLASSES);
    expect(await underStart).toEqual(await before);
    expect(await underShared).toEqual(await before);
    expect(await after).not.toEqual(await before);
    // Rows do not depend on the rows beside them, up to rounding.
    const one = await session.predict(
      session.state,
      inputs.subarray(300 * INPUTS, 301 * INPUTS),
      1,
    );
    const row = (await after).subarray(300 * CLASSES, 301 * CLASSES);
    one.forEach((value, i) => expect(value).toBeCloseTo(row[i]!, 5));
  });

  it("refuses batches and inputs that do not fit", async () => {
    await using session = await open();
    const good = batchOf(4, 1);
    for (const bad of [
      { ...good, size: 5 },
      { ...good, size: 0 },
      { ...good, targets: good.targets.subarray(1) },
      batchOf(BATCH + 1, 1),
    ]) {
      await expect(session.step(bad)).rejects.toThrow(ShapeError);
    }
    for (const target of [-1, CLASSES]) {
      const targets = Int32Array.of(0, 0, target, 0);
      await expect(session.step({ ...good, targets })).rejects.toThrow(ValueRangeError);
    }
    await expect(session.predict(session.state, good.inputs, 3)).rejects.toThrow(ShapeError);
    const other = mlp({ inputs: INPUTS, hidden: [9], outputs: CLASSES }).state;
    await expect(session.predict(other, good.inputs, 4)).rejects.toThrow(ShapeError);
    await expect(open({ batchSize: 0 })).rejects.toThrow(RangeError);
    await expect(open({ plan: { workers: 1.5 } })).rejects.toThrow(RangeError);
  });

  it("rejects what is pending when it is disposed, and everything after", async () => {
    const session = await open();
    const pending = [session.step(batchOf(4, 1)), session.step(batchOf(4, 2))];
    const settled = Promise.allSettled(pending);
    await Promise.all([session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()]);
    for (const result of await settled) {
      expect(result).toHaveProperty("reason.code", "EF_SESSION_CLOSED");
    }
    await expect(session.step(batchOf(4, 3))).rejects.toThrow(SessionClosedError);
    await session[Symbol.asyncDispose]();
  });

  it("computes the same in WASM, up to rounding", async () => {
    await using native = await open();
    await using wasm = await open({ plan: { backend: "wasm" } });
    expect(wasm.plan.backend).toBe("wasm");
    await train(native, 0, 5);
    await train(wasm, 0, 5);
    native.state.parameters.forEach((value, i) => {
      expect(wasm.state.parameters[i]).toBeCloseTo(value, 4);
    });
  });

  it("keeps the process alive while a step is pending, and not longer", () => {
    const script = `
      import { mlp, openTrainingSession, sgd } from "@everfresh/engine";
      const session = await openTrainingSession(
        mlp({ inputs: 2, hidden: [], outputs: 2 }),
        { optimizer: sgd({ learningRate: 0.1 }), batchSize: 2 },
      );
      const batch = { inputs: new Float32Array(4), targets: new Int32Array(2), size: 2 };
      await session.step(batch);
      process.stdout.write("stepped");`;
    const printed = execFileSync(
      process.execPath,
      ["--conditions=source", "--input-type=module", "-e", script],
      { cwd: fileURLToPath(new URL("../..", import.meta.url)), encoding: "utf8", timeout: 30_000 },
    );
    expect(printed).toBe("stepped");
  });
});
