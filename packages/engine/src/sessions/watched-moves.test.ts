import { type ModelState, type MoveKernel, Random } from "@everfresh/core";
import { Frame, kernelMemory, type KernelFunction, signed } from "@everfresh/core/wasm";
import { describe, expect, it } from "vitest";
import { mlp } from "../models/mlp.ts";
import { adam } from "../optimizers/adam.ts";
import type { OptimizerSpec } from "../optimizers/optimizer-of.ts";
import { rmsprop } from "../optimizers/rmsprop.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingSession } from "./training-session.ts";

/** Several blocks per worker, the last ones not whole. */
const model = mlp({ inputs: 60, hidden: [300], outputs: 7 });
const PARAMETERS = model.state.layout.parameterCount;

/** Words of the kernel's memory per mover: how often it was called, and for how many parameters. */
const OWN_WORDS = 16;
const CALLS = 0;
const MOVED = 1;
const LAST = 2;
const DISORDER = 3;
/** Where the first parameter of each piece goes, at four times its index. */
const SEEN_BYTES = 4_096;

const constant = (value: number): readonly number[] => [0x41, ...signed(value)];

/** Writes down each call: its length, whether it followed the one before, and what it saw. */
function recorder(): KernelFunction {
  const frame = new Frame();
  const { mover, from, to } = frame.takes({ mover: "i32", from: "i32", to: "i32" });
  const { area } = frame.has({ area: "i32" });
  const load = (word: number): readonly number[] => [...area.get, 0x28, 2, 4 * word];
  const store = (word: number, value: readonly number[]): readonly number[] => {
    return [...area.get, ...value, 0x36, 2, 4 * word];
  };
  const plus = (a: readonly number[], b: readonly number[]): readonly number[] => {
    return [...a, ...b, 0x6a];
  };
  const bytes = [...from.get, ...constant(2), 0x74];
  const theta = [...bytes, 0x28, 0x42, 1, 0];
  const isBefore = [...from.get, ...load(LAST), 0x49];
  const code = [
    ...area.set([...mover.get, ...constant(4 * OWN_WORDS), 0x6c]),
    ...store(CALLS, plus(load(CALLS), constant(1))),
    ...store(MOVED, plus(load(MOVED), [...to.get, ...from.get, 0x6b])),
    ...store(DISORDER, plus(load(DISORDER), isBefore)),
    ...store(LAST, to.get),
    ...[...plus(bytes, constant(SEEN_BYTES)), ...theta, 0x36, 2, 0],
  ];
  return frame.function("moved", code);
}

function batchOf(seed: number, scale = 1): TrainingBatch {
  const random = new Random(seed);
  return {
    inputs: Float32Array.from({ length: 64 * 60 }, () => scale * random.normal()),
    targets: Int32Array.from({ length: 64 }, () => random.below(7)),
    size: 64,
  };
}

function watched(state: ModelState): { words: Int32Array; seen: Int32Array; kernel: MoveKernel } {
  const own = kernelMemory(SEEN_BYTES + 4 * PARAMETERS, true)!;
  const kernel = { functions: [recorder()], memories: { 0: own, 1: state.memory! } };
  state.movers!.watch(kernel);
  return {
    words: new Int32Array(own.buffer, 0, SEEN_BYTES / 4),
    seen: new Int32Array(own.buffer, SEEN_BYTES, PARAMETERS),
    kernel,
  };
}

function open(optimizer: OptimizerSpec, workers: number): Promise<TrainingSession> {
  return openTrainingSession(model, { optimizer, batchSize: 64, plan: { workers } });
}

function sumOf(words: Int32Array, word: number, movers: number): number {
  return Array.from({ length: movers }, (_, i) => words[i * OWN_WORDS + word]!).reduce(
    (sum, value) => sum + value,
  );
}

describe("a kernel that watches moves", () => {
  it.each<[string, number, OptimizerSpec, number]>([
    ["one worker", 1, sgd({ learningRate: 0.1, momentum: 0.9 }), 1],
    ["two workers", 2, adam(), 1],
    ["clipping", 2, sgd({ learningRate: 0.1, clipNorm: 0.1 }), 1],
    ["an optimizer without kernels", 2, rmsprop({ learningRate: 0.01 }), 1],
    ["gradients that might have overflowed", 2, adam(), 1e16],
  ])("sees every parameter once per step, in order, after it has moved: %s", async (...row) => {
    const [, workers, optimizer, scale] = row;
    await using session = await open(optimizer, workers);
    const { words, seen } = watched(session.state);
    const bits = new Int32Array(session.state.buffer, 0, PARAMETERS);
    for (let step = 1; step <= 2; step++) {
      words.fill(0);
      seen.fill(0);
      const before = bits.slice();
      await session.step(batchOf(step, scale));
      expect(sumOf(words, MOVED, workers)).toBe(PARAMETERS);
      expect(sumOf(words, DISORDER, workers)).toBe(0);
      // No piece begins with a parameter that is 0.
      const pieces = [...seen.keys()].filter((i) => seen[i] !== 0);
      expect(pieces).toHaveLength(sumOf(words, CALLS, workers));
      expect(pieces.every((i) => i % 16 === 0 && seen[i] === bits[i])).toBe(true);
      expect(pieces.some((i) => before[i] !== bits[i])).toBe(true);
    }
  });

  it("is not called for a gradient, nor for a step that fails", async () => {
    await using session = await open(adam(), 2);
    const { words } = watched(session.state);
    await session.gradient(batchOf(1), 0);
    const bad = batchOf(2);
    bad.inputs[7] = NaN;
    await expect(session.step(bad)).rejects.toThrow("not finite");
    expect(sumOf(words, CALLS, 2)).toBe(0);
  });

  it("changes nothing about training, and gives way to the next one", async () => {
    await using alone = await open(adam(), 2);
    await using session = await open(adam(), 2);
    const first = watched(session.state);
    await session.step(batchOf(1));
    first.words.fill(0);
    const second = watched(session.state);
    await session.step(batchOf(2));
    expect(sumOf(first.words, CALLS, 2)).toBe(0);
    expect(sumOf(second.words, MOVED, 2)).toBe(PARAMETERS);
    for (const step of [1, 2]) await alone.step(batchOf(step));
    expect(session.checkpoint()).toEqual(alone.checkpoint());
  });

  it("is never called where it does not compile, and training goes on", async () => {
    await using session = await open(adam(), 2);
    const { words, kernel } = watched(session.state);
    const broken = { ...recorder(), code: [0x00, 0xff] };
    session.state.movers!.watch({ ...kernel, functions: [broken] });
    await session.step(batchOf(1));
    expect(sumOf(words, CALLS, 2)).toBe(0);
    expect(session.optimizerStep).toBe(1);
  });
});
