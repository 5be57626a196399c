import { dataOf, type ModelState, stateBytes } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { NonFiniteLossError } from "../errors.ts";
import { lenet5 } from "../models/lenet5.ts";
import { mlp } from "../models/mlp.ts";
import type { Model } from "../models/model.ts";
import { cifarResnet } from "../models/resnet20.ts";
import { transformerEncoder } from "../models/transformer-encoder.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingOptions, TrainingSession } from "./training-session.ts";

// A power of two: θ − rate · g rounds once, as it does here.
const RATE = 2 ** -6;
const BATCH = 48;

const smallResnet = (): Model => cifarResnet({ blocks: 1, width: 4, inputSize: 8, seed: 5 });

function batchFor({ input }: Model, step: number, size = BATCH): TrainingBatch {
  const length = input.shape.reduce((product, n) => product * n, 1);
  return {
    inputs: Float32Array.from({ length: size * length }, (_, i) => Math.sin(12.9 * i + step)),
    targets: Int32Array.from({ length: size }, (_, i) => (i + step) % 10),
    weights: Float32Array.from({ length: size }, (_, i) => 0.5 + (i % 3)),
    size,
  };
}

function open(model: Model, plan: TrainingOptions["plan"]): Promise<TrainingSession> {
  const optimizer = sgd({ learningRate: RATE });
  return openTrainingSession(model, { optimizer, batchSize: BATCH, plan: plan ?? {} });
}

function buffersOf(state: ModelState): readonly number[] {
  return state.layout.tensors
    .filter(({ role }) => role === "buffer")
    .flatMap((entry) => Array.from(dataOf(state, entry), Number));
}

describe.each([
  ["LeNet-5 in one worker", () => lenet5({ seed: 3 }), { workers: 1 }],
  ["LeNet-5 in three workers", () => lenet5({ seed: 3 }), { workers: 3 }],
  ["ResNet in two shards", smallResnet, { workers: 2 }],
  ["ResNet over the whole batch", smallResnet, { workers: 2, batchNorm: "exact" }],
] as const)("the gradient of a batch: %s", (_name, make, plan) => {
  it("is what a step of SGD follows, bit for bit, and moves no parameter", async () => {
    const model = make();
    await using stepping = await open(model, plan);
    await using session = await open(model, plan);
    for (const size of [BATCH, BATCH - 7]) {
      const batch = batchFor(model, size, size);
      const before = session.state.parameters.slice();
      const { loss } = await stepping.step(batch);
      const found = await session.gradient(batch, stepping.optimizerStep - 1);
      expect(found.loss).toBe(loss);
      expect(found.gradient).toHaveLength(before.length);
      expect(session.state.parameters).toEqual(before);
      const moved = before.map((value, i) => value - RATE * (found.gradient[i] ?? NaN));
      expect(moved).toEqual(stepping.state.parameters.slice());
      expect(buffersOf(session.state)).toEqual(buffersOf(stepping.state));
      // Who asked takes the step, as training by sparse gradients does.
      session.state.parameters.set(moved);
      found.gradient.fill(NaN);
    }
    expect(session.optimizerStep).toBe(0);
    expect(stateBytes(session.state)).toEqual(stateBytes(stepping.state));
  });
});

describe("the gradient of a batch", () => {
  it("is drawn with the masks of the step that it is asked for", async () => {
    const sizes = { vocabulary: 9, length: 4, classes: 10, width: 8, heads: 1, layers: 1 };
    const model = transformerEncoder({ ...sizes, dropout: 0.5 });
    await using session = await open(model, { workers: 2 });
    const inputs = Float32Array.from({ length: 4 * BATCH }, (_, i) => i % 9);
    const batch = { ...batchFor(model, 0), inputs };
    const gradientOf = async (step: number): Promise<Float32Array> =>
      (await session.gradient(batch, step)).gradient.slice();
    const first = await gradientOf(3);
    expect(await gradientOf(4)).not.toEqual(first);
    expect(await gradientOf(3)).toEqual(first);
  });

  it("leaves all as it was where it is not finite or too large", async () => {
    const model = smallResnet();
    await using session = await open(model, { workers: 2 });
    await session.step(batchFor(model, 0));
    const before = session.checkpoint();
    const poisoned = batchFor(model, 1);
    poisoned.inputs[poisoned.inputs.length - 1] = Infinity;
    await expect(session.gradient(poisoned, 6)).rejects.toThrow(/^Step 7 gave loss NaN/);
    expect(session.checkpoint()).toEqual(before);
    await session.gradient(batchFor(model, 1), 7);
  });

  it("tells a mean that is too large from one that is in a single worker", async () => {
    const linear = mlp({ inputs: 1, hidden: [], outputs: 2, seed: 1 });
    await using session = await openTrainingSession(linear, {
      optimizer: sgd({ learningRate: 1 }),
      loss: { kind: "huber", delta: 1 },
      batchSize: 2,
      plan: { workers: 2 },
    });
    session.state.parameters.fill(0);
    const extreme = {
      inputs: Float32Array.of(3e38, 3e38),
      targets: Float32Array.of(5, 5, 5, 5),
      size: 2,
    };
    const error: unknown = await session.gradient(extreme, 0).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NonFiniteLossError);
    expect(error).toMatchObject({
      details: { place: { kind: "largeGradient", parameter: "fc1.weight" } },
    });
    const large = { ...extreme, inputs: Float32Array.of(2 ** 50, 2 ** 50) };
    const { gradient } = await session.gradient(large, 0);
    // Per output of two: the loss is the mean over them.
    expect(gradient[0]).toBe(-(2 ** 49));
  });
});
