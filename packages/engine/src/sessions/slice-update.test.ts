import { Random, stateLayout } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { adam } from "../optimizers/adam.ts";
import { measuringOptimizer } from "../optimizers/natural-gradient.ts";
import { optimizerOf, type OptimizerSpec } from "../optimizers/optimizer-of.ts";
import { rmsprop } from "../optimizers/rmsprop.ts";
import { sgd } from "../optimizers/sgd.ts";
import { SliceUpdate } from "./slice-update.ts";
import { createTrainingMemory, SHARD_NATURAL, type TrainingMemory } from "./training-memory.ts";

// More than two blocks, in parts that do not end with one, and a buffer right behind.
const PARAMETERS = 3 * 4_096 + 77;
const layout = stateLayout([
  { name: "w", role: "parameter", dtype: "float32", shape: [PARAMETERS] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [3] },
]);

/** Memory of a session with random values; the same for the same seed. */
function memoryOf(spec: OptimizerSpec, workers: number): TrainingMemory {
  const memory = createTrainingMemory(layout, {
    workers,
    batchSize: 1,
    sampleLength: 1,
    target: { kind: "classIndex", classes: 2, ignoreIndex: null },
    optimizerSlots: measuringOptimizer(optimizerOf(spec)).slots.length,
    momentsLength: 0,
  });
  const random = new Random(9);
  const all = [new Float32Array(memory.state), ...memory.slots];
  for (const vector of all) vector.forEach((_, i) => (vector[i] = random.uniform(0, 1e-3)));
  return memory;
}

/** Some steps of all workers, one after the other. */
function train(
  memory: TrainingMemory,
  spec: OptimizerSpec,
  mayOverflow: boolean,
  measuresGradient = false,
): void {
  const random = new Random(10);
  const workers = memory.gradients.map(
    (_, rank) => new SliceUpdate(spec, memory, rank, PARAMETERS, { measuresGradient }),
  );
  for (let step = 0; step < 3; step++) {
    for (const worker of workers) {
      const gradients = Float32Array.from({ length: PARAMETERS }, (_, i) =>
        i % 50 === 0 ? 1e-40 : random.normal(),
      );
      expect(worker.publish(gradients)).toBe("small");
    }
    for (const worker of workers) expect(worker.apply(7, step, mayOverflow)).toBe(true);
  }
}

describe("the update of a slice", () => {
  it.each<[string, number, OptimizerSpec, boolean]>([
    ["one worker", 1, sgd({ learningRate: 0.1, momentum: 0.9 }), false],
    ["two workers", 2, adam(), false],
    ["five workers", 5, adam({ amsgrad: true, weightDecay: 0.01 }), false],
    ["clipping", 1, sgd({ learningRate: 0.1, clipNorm: 1 }), false],
    ["gradients that may overflow", 1, adam(), true],
    ["an optimizer without kernels", 3, rmsprop({ learningRate: 0.01 }), false],
  ])("gives the same bits with kernels as without: %s", (_what, workers, spec, mayOverflow) => {
    const fast = memoryOf(spec, workers);
    expect(fast.kernels).not.toBeNull();
    const plain = { ...memoryOf(spec, workers), kernels: null };
    train(fast, spec, mayOverflow);
    train(plain, spec, mayOverflow);
    expect(new Uint32Array(fast.state)).toEqual(new Uint32Array(plain.state));
    expect(fast.slots.map((slot) => [...slot])).toEqual(plain.slots.map((slot) => [...slot]));
  });

  it.each<[string, number, OptimizerSpec, boolean]>([
    ["two workers", 2, adam(), false],
    ["five workers", 5, sgd({ learningRate: 0.1, momentum: 0.9 }), false],
    ["clipping", 1, adam({ clipNorm: 1 }), false],
    ["gradients that may overflow", 1, adam({ amsgrad: true }), true],
    ["an optimizer without kernels", 3, rmsprop({ learningRate: 0.01 }), false],
  ])("measures gradients alike with kernels as without: %s", (_what, workers, spec, overflow) => {
    const fast = memoryOf(spec, workers);
    const plain = { ...memoryOf(spec, workers), kernels: null };
    const unmeasured = memoryOf(spec, workers);
    const norms = (memory: TrainingMemory): readonly number[] =>
      memory.shards.map((shard) => shard[SHARD_NATURAL] ?? NaN);
    train(fast, spec, overflow, true);
    train(plain, spec, overflow, true);
    train(unmeasured, spec, overflow);
    expect(norms(fast)).toEqual(norms(plain));
    expect(Math.min(...norms(fast))).toBeGreaterThan(0);
    expect(norms(unmeasured)).toEqual(unmeasured.shards.map(() => 0));
    expect(new Uint32Array(fast.state)).toEqual(new Uint32Array(unmeasured.state));
  });

  it.each([
    ["large", 2 ** 60],
    ["notFinite", NaN],
  ])("says that gradients are %s, with kernels and without", (size, value) => {
    const spec = sgd({ learningRate: 0.1 });
    const memory = memoryOf(spec, 1);
    for (const each of [memory, { ...memory, kernels: null }]) {
      const gradients = new Float32Array(PARAMETERS);
      gradients[PARAMETERS - 1] = value;
      expect(new SliceUpdate(spec, each, 0, PARAMETERS).publish(gradients)).toBe(size);
    }
  });

  it("needs no kernels where memory is not shared", () => {
    const sizes = {
      workers: 1,
      batchSize: 1,
      sampleLength: 1,
      target: { kind: "classIndex", classes: 2, ignoreIndex: null },
      optimizerSlots: 1,
      momentsLength: 0,
    } as const;
    const memory = createTrainingMemory(layout, sizes, (bytes) => new ArrayBuffer(bytes));
    expect(memory.kernels).toBeNull();
    expect(memory.gradients.map(({ length }) => length)).toEqual([PARAMETERS]);
  });
});
