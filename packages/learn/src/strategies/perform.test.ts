import { ManualClock, numeric, Random, stateBytes } from "@everfresh/core";
import { memoryHistory } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { assembleBatch } from "../batch.ts";
import { linearModel, LinearSession } from "../linear-session.fixture.ts";
import { points } from "../points.fixture.ts";
import { batchReader, type BatchReader } from "./batch-reader.ts";
import { epochOrders } from "./epoch-order.ts";
import type { RetrainingIteration, StepIteration } from "./iteration.ts";
import { perform } from "./perform.ts";

const INPUTS = 6;
const CLASSES = 3;
const SAMPLES = 100;
const PREPROCESSING = numeric(INPUTS);
const model = linearModel(INPUTS, CLASSES);
const initial = stateBytes(model.state).slice();
const clock = new ManualClock();

const retraining: RetrainingIteration = {
  kind: "retraining",
  past: 80,
  skipped: 0,
  fresh: 20,
  samples: [
    { from: 0, to: 30 },
    { from: 50, to: 100 },
  ],
  start: "cold",
  epochs: 2,
  batchSize: 32,
  order: new Random(3, 1).position,
  why: "",
};

async function filled() {
  const history = memoryHistory();
  for await (const sample of points({ size: SAMPLES, inputs: INPUTS, classes: CLASSES }).read()) {
    await history.append([sample]);
  }
  return history;
}

async function reader(): Promise<BatchReader> {
  return batchReader(await filled(), PREPROCESSING);
}

/** A session that has been trained a little. */
async function trained(batches: BatchReader): Promise<LinearSession> {
  const session = new LinearSession(model);
  for (const from of [0, 10, 20]) await session.step(await batches.read([from, from + 1]));
  return session;
}

describe("perform", () => {
  it("takes one step on the batch that a step iteration names, in its order", async () => {
    const history = await filled();
    const batches = batchReader(history, PREPROCESSING);
    const [session, plain] = [await trained(batches), await trained(batches)];
    const positions = [90, 91, 7, 3, 55];
    const step: StepIteration = {
      kind: "step",
      past: 90,
      skipped: 0,
      fresh: 2,
      positions,
      why: "",
    };
    const result = await perform(step, { session, batches, clock });
    const batch = assembleBatch(PREPROCESSING, await history.read(positions));
    const { loss, stepMs } = await plain.step(batch);
    expect(session.checkpoint()).toEqual(plain.checkpoint());
    expect(result).toMatchObject({ losses: [loss], steps: 1, samples: 5, trainMs: stepMs });
  });

  it("takes the shuffled batches of every epoch, from the initial state and a fresh optimizer", async () => {
    const batches = await reader();
    const [session, plain] = [await trained(batches), new LinearSession(model)];
    const result = await perform(retraining, { session, batches, clock, initial });
    const losses: number[] = [];
    for (const order of epochOrders(retraining.samples, 2, retraining.order)) {
      for (const [from, to] of [
        [0, 32],
        [32, 64],
        [64, 80],
      ]) {
        losses.push((await plain.step(await batches.read([...order.slice(from, to)]))).loss);
      }
    }
    expect(session.checkpoint()).toEqual(plain.checkpoint());
    expect(result).toMatchObject({ losses, steps: 6, samples: 160, trainMs: 6 });
  });

  it("starts the optimizer anew, and nothing else, with a step that says so", async () => {
    const batches = await reader();
    const session = await trained(batches);
    const step: StepIteration = {
      ...{ kind: "step", past: 90, skipped: 0, fresh: 2, why: "" },
      ...{ positions: [90, 91, 7], isRewarmed: true },
    };
    const fresh = new LinearSession(model);
    await fresh.restore({ state: session.checkpoint().state, optimizer: new Uint8Array(0) });
    await perform(step, { session, batches, clock });
    await fresh.step(await batches.read(step.positions));
    expect(session.optimizerStep).toBe(1);
    expect(session.checkpoint()).toEqual(fresh.checkpoint());
  });

  it("ends a retraining after the most steps that it may take", async () => {
    const batches = await reader();
    const [session, whole] = [new LinearSession(model), new LinearSession(model)];
    const { losses } = await perform(retraining, { session: whole, batches, clock, initial });
    const short = { ...retraining, stepsMax: 4 };
    const progress: number[] = [];
    const onStep = ({ steps }: { steps: number }) => void progress.push(steps);
    const result = await perform(short, { session, batches, clock, initial, onStep });
    expect(result).toMatchObject({ steps: 4, losses: losses.slice(0, 4) });
    expect(progress).toEqual([4, 4, 4, 4]);
  });

  it("goes on from where training is when it starts warm", async () => {
    const batches = await reader();
    const [session, cold] = [await trained(batches), await trained(batches)];
    const before = session.checkpoint();
    const warm = { ...retraining, start: "warm" } as const;
    await perform(warm, { session, batches, clock });
    await perform(retraining, { session: cold, batches, clock, initial });
    expect(session.checkpoint()).not.toEqual(cold.checkpoint());
    await session.restore(before);
    await perform(warm, { session, batches, clock, initial });
    const again = session.checkpoint();
    await session.restore(before);
    await perform(warm, { session, batches, clock });
    expect(session.checkpoint()).toEqual(again);
  });

  it("goes on in the middle as if it had not stopped, and tells how far it is", async () => {
    const batches = await reader();
    const session = await trained(batches);
    const checkpoints = [session.checkpoint()];
    const progress: string[] = [];
    const whole = await perform(retraining, {
      session,
      batches,
      clock,
      initial,
      onStep: ({ step, steps }) => {
        progress.push(`${step}/${steps}`);
        checkpoints.push(session.checkpoint());
      },
    });
    expect(progress).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
    for (let fromStep = 0; fromStep < 6; fromStep++) {
      const resumed = new LinearSession(model, checkpoints[fromStep]);
      const rest = await perform(retraining, {
        session: resumed,
        batches,
        clock,
        initial,
        fromStep,
      });
      expect(resumed.checkpoint()).toEqual(session.checkpoint());
      expect(rest.losses).toEqual(whole.losses.slice(fromStep));
    }
  });

  it("ends between two steps when it is told to, and waits for the step that runs", async () => {
    const batches = await reader();
    const session = new LinearSession(model);
    const stop = new AbortController();
    const reason = new Error("enough");
    const performing = perform(retraining, {
      session,
      batches,
      clock,
      initial,
      signal: stop.signal,
      onStep: ({ step }) => {
        if (step === 3) stop.abort(reason);
      },
    });
    await expect(performing).rejects.toBe(reason);
    expect(session.optimizerStep).toBe(3);
  });

  it("passes on what fails, once nothing runs any more", async () => {
    const batches = await reader();
    const session = new LinearSession(model);
    const broken: BatchReader = {
      read: (positions) =>
        session.optimizerStep === 0 && positions.length === 32
          ? batches.read(positions)
          : Promise.reject(new Error("unreadable")),
    };
    const failing = perform(retraining, { session, batches: broken, clock, initial });
    await expect(failing).rejects.toThrow("unreadable");
    expect(session.optimizerStep).toBeGreaterThan(0);
  });
});
