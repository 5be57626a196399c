import {
  DeployedState,
  FingerprintMismatchError,
  stateBytes,
  statisticsChanges,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { usesBatchStatistics } from "../autodiff/training-mode.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { lenet5 } from "../models/lenet5.ts";
import { mlp } from "../models/mlp.ts";
import type { Model } from "../models/model.ts";
import { resnet20 } from "../models/resnet20.ts";
import { adam } from "../optimizers/adam.ts";
import { splitPlan } from "../sessions/execution-plan.ts";
import { openTrainingSession } from "../sessions/open-training-session.ts";
import { startInference } from "../sessions/start-inference.ts";
import { startTraining } from "../sessions/start-training.ts";
import type { TrainingOptions, TrainingSession } from "../sessions/training-session.ts";
import { PREPROCESSOR, rowModel, rowsAt } from "../sessions/moving-statistics.fixture.ts";
import { snapshotOf, updates } from "../sessions/updates.fixture.ts";
import { loopbackWorker } from "./loopback-worker.fixture.ts";
import { MirroredThread } from "./mirrored-thread.ts";
import type { WebWorkerSetup } from "./serve-page.ts";
import { type MirroredRequest, workerOnlyMemory } from "./training-mirror.ts";
import { WebThread } from "./web-thread.ts";

/** As openTrainingSession in a page, but for the worker. */
function openInPage(model: Model, options: TrainingOptions): Promise<TrainingSession> {
  const asked = {
    batchSize: options.batchSize,
    batchStatistics: usesBatchStatistics(model.graph),
    cores: 1,
  };
  return startTraining(model, options, {
    split: splitPlan({ workers: 1 }, asked),
    runtime: { backend: "wasm", provider: "cpu" },
    allocate: (bytes) => new ArrayBuffer(bytes),
    startThread: (training, onCrash) => {
      const setup: WebWorkerSetup = { kind: "training", training, threads: 1, wasmPaths: null };
      const transfer = workerOnlyMemory(training.memory);
      const thread = new WebThread<MirroredRequest>(loopbackWorker(), setup, onCrash, transfer);
      return new MirroredThread(thread, training.memory);
    },
  });
}

/** The same in a thread of Node. */
function openInNode(model: Model, options: TrainingOptions): Promise<TrainingSession> {
  return openTrainingSession(model, { ...options, plan: { backend: "wasm", workers: 1 } });
}

function batchFor(model: Model, size: number, step: number) {
  const length = model.input.shape.reduce((product, n) => product * n, 1);
  return {
    inputs: Float32Array.from({ length: size * length }, (_, i) => Math.sin(i + step)),
    targets: Int32Array.from({ length: size }, (_, i) => (i + step) % 10),
    weights: Float32Array.from({ length: size }, (_, i) => (i % 3) / 2),
    size,
  };
}

const cases: readonly (readonly [string, () => Model, TrainingOptions])[] = [
  [
    "LeNet-5 with Adam",
    () => lenet5({ seed: 3 }),
    { batchSize: 8, optimizer: { kind: "adam", learningRate: 1e-3 } },
  ],
  [
    "ResNet-20 with momentum and running statistics",
    () => resnet20({ seed: 3 }),
    { batchSize: 3, optimizer: { kind: "sgd", learningRate: 0.05, momentum: 0.9 } },
  ],
];

describe("a training session in a page", () => {
  it.each(cases)("gives the bits of a session in Node: %s", async (_, make, options) => {
    const model = make();
    await using there = await openInPage(model, options);
    await using here = await openInNode(model, options);
    for (const size of [options.batchSize, options.batchSize - 1]) {
      const batch = batchFor(model, size, size);
      expect((await there.step(batch)).loss).toBe((await here.step(batch)).loss);
    }
    expect(there.checkpoint()).toEqual(here.checkpoint());
    expect(there.optimizerStep).toBe(2);
    const { inputs, size } = batchFor(model, 5, 1);
    const [one, other] = [there, here].map((session) =>
      session.predict(session.state, inputs, size),
    );
    expect(await one).toEqual(await other);
  });

  it.each(cases)(
    "gives the gradients and statistics of one in Node: %s",
    async (_, make, options) => {
      const model = make();
      await using there = await openInPage(model, options);
      await using here = await openInNode(model, options);
      for (const step of [0, 1]) {
        const batch = batchFor(model, options.batchSize, step);
        const [one, other] = [await there.gradient(batch, step), await here.gradient(batch, step)];
        expect(one).toEqual(other);
        // Who asked may write to it and keep it until the next call, here and there.
        one.gradient.fill(7);
        there.state.parameters[step] = 0.5;
        here.state.parameters[step] = 0.5;
        expect(stateBytes(there.state).slice()).toEqual(stateBytes(here.state).slice());
        const { inputs, size } = batch;
        expect(await there.moments(there.state, inputs, size)).toEqual(
          await here.moments(here.state, inputs, size),
        );
        expect(await there.moments(model.state, inputs, size)).toEqual(
          await here.moments(model.state, inputs, size),
        );
      }
      expect(there.optimizerStep).toBe(0);
      const batch = batchFor(model, options.batchSize, 2);
      expect((await there.step(batch)).loss).toBe((await here.step(batch)).loss);
      expect(there.checkpoint()).toEqual(here.checkpoint());
    },
  );

  it("sees what the page writes to θ, and predicts under any other state", async () => {
    const model = mlp({ inputs: 4, hidden: [5], outputs: 3 });
    const options: TrainingOptions = { batchSize: 2, optimizer: { kind: "sgd", learningRate: 0 } };
    await using session = await openInPage(model, options);
    const inputs = Float32Array.of(1, 2, 3, 4);
    const initial = await session.predict(model.state, inputs, 1);
    session.state.parameters.fill(0);
    expect([...(await session.predict(session.state, inputs, 1))]).toEqual([0, 0, 0]);
    expect(await session.predict(model.state, inputs, 1)).toEqual(initial);
    const { loss } = await session.step({ inputs, targets: Int32Array.of(1), size: 1 });
    expect(loss).toBeCloseTo(Math.log(3), 5);
    expect(session.state.parameters.every((value) => value === 0)).toBe(true);
  });

  it("keeps θ and the optimizer when a step gives no numbers, and goes on, as from a checkpoint", async () => {
    const model = lenet5({ seed: 3 });
    const options: TrainingOptions = {
      batchSize: 4,
      optimizer: { kind: "adam", learningRate: 1e-3 },
    };
    await using session = await openInPage(model, options);
    const batch = batchFor(model, 4, 0);
    await session.step(batch);
    const before = session.checkpoint();
    const infinite = { ...batch, inputs: batch.inputs.map(() => 3e38) };
    await expect(session.step(infinite)).rejects.toHaveProperty("code", "EF_NON_FINITE_LOSS");
    expect(session.checkpoint()).toEqual(before);
    const { loss } = await session.step(batch);
    await using resumed = await openInPage(model, { ...options, checkpoint: before });
    expect(resumed.checkpoint()).toEqual(before);
    expect((await resumed.step(batch)).loss).toBe(loss);
    expect(resumed.checkpoint()).toEqual(session.checkpoint());
  });

  it("goes back to a checkpoint, the optimizer in the worker included", async () => {
    const model = mlp({ inputs: 4, hidden: [5], outputs: 10 });
    const options: TrainingOptions = { batchSize: 4, optimizer: adam() };
    await using session = await openInPage(model, options);
    const trainTwice = async (): Promise<void> => {
      for (const step of [1, 2]) await session.step(batchFor(model, 4, step));
    };
    const initial = session.checkpoint();
    await trainTwice();
    const first = session.checkpoint();
    await trainTwice();
    const second = session.checkpoint();
    await session.restore(first);
    await trainTwice();
    expect(session.checkpoint()).toEqual(second);
    await session.restore({ state: initial.state, optimizer: new Uint8Array(0) });
    await trainTwice();
    expect(session.checkpoint()).toEqual(first);
  });

  it("takes buffers that the page sets, and gives the worker's steps back without losing them", async () => {
    const model = rowModel();
    await using session = await openInPage(model, cases[0]![2]);
    const statistics = PREPROCESSOR.observe(PREPROCESSOR.initial(), rowsAt(1, 9));
    const changes = statisticsChanges(model.state.layout, PREPROCESSOR.statistics, statistics);
    const before = session.step(batchFor(model, 2, 0));
    void session.setBuffers(changes);
    await Promise.all([before, session.step(batchFor(model, 2, 1))]);
    expect(PREPROCESSOR.statisticsIn(session.state)).toEqual(statistics);
    expect(session.optimizerStep).toBe(2);
  });

  it("gives gradients with respect to inputs, and refuses everything after it is disposed", async () => {
    const model = mlp({ inputs: 4, hidden: [5], outputs: 3 });
    const options: TrainingOptions = { batchSize: 2, optimizer: { kind: "sgd", learningRate: 1 } };
    await using there = await openInPage(model, options);
    await using here = await openInNode(model, options);
    const batch = { inputs: Float32Array.of(1, 2, 3, 4), targets: Int32Array.of(1), size: 1 };
    const gradients = await there.inputGradients(there.state, batch);
    expect(gradients).toEqual(await here.inputGradients(here.state, batch));
    await there[Symbol.asyncDispose]();
    await expect(there.step(batch)).rejects.toHaveProperty("code", "EF_SESSION_CLOSED");
  });
});

describe("an inference session in a page", () => {
  it.each(["patch", "bake"] as const)("follows updates as in Node: %s", async (mode) => {
    const model = mlp({ inputs: 4, hidden: [5], outputs: 3 });
    const deployed = new DeployedState(model.state, 0);
    await using session = await startInference(
      (inference, onCrash) => {
        const setup: WebWorkerSetup = { kind: "inference", inference, threads: 1, wasmPaths: null };
        return new WebThread(loopbackWorker(), setup, onCrash);
      },
      {
        onnx: inferenceGraph(model),
        initial: snapshotOf(deployed),
        runtime: { backend: "wasm", provider: "cpu" },
      },
      { mode, bakeEveryMs: 0 },
    );
    const inputs = Float32Array.of(1, 2, 3, 4);
    expect((await session.predict(inputs, 1)).version).toBe(0);
    for (const update of updates(deployed, 3)) await session.apply(update);
    await expect
      .poll(async () => (await session.predict(inputs, 1)).fingerprint)
      .toBe(deployed.fingerprint);
    expect(session).toMatchObject({ mode, runtime: { backend: "wasm" } });
  });

  it.each(["patch", "bake"] as const)("finds a flipped bit of its memory: %s", async (mode) => {
    const model = mlp({ inputs: 4, hidden: [5], outputs: 3 });
    const memories: Uint8Array[] = [];
    await using session = await startInference(
      (inference, onCrash) => {
        const worker = loopbackWorker((setup) => {
          if (setup.kind === "inference") {
            memories.push(new Uint8Array(setup.inference.initial.buffer));
          }
        });
        const setup: WebWorkerSetup = { kind: "inference", inference, threads: 1, wasmPaths: null };
        return new WebThread(worker, setup, onCrash);
      },
      {
        onnx: inferenceGraph(model),
        initial: snapshotOf(new DeployedState(model.state, 0)),
        runtime: { backend: "wasm", provider: "cpu" },
      },
      { mode, bakeEveryMs: 0 },
    );
    await session.scrub();
    memories.at(-1)![7]! ^= 16;
    await expect(session.scrub()).rejects.toBeInstanceOf(FingerprintMismatchError);
  });
});
