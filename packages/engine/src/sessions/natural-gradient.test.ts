import { stateBytes } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { mlp } from "../models/mlp.ts";
import { adam } from "../optimizers/adam.ts";
import { measuringOptimizer } from "../optimizers/natural-gradient.ts";
import { decodeOptimizerState } from "../optimizers/optimizer-bytes.ts";
import { optimizerOf, type OptimizerSpec } from "../optimizers/optimizer-of.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingCheckpoint, TrainingSession } from "./training-session.ts";

const BATCH = 32;
const model = mlp({ inputs: 40, hidden: [150], outputs: 5, seed: 3 });
const PARAMETERS = model.state.layout.parameterCount;

function batchAt(step: number, scale = 1): TrainingBatch {
  return {
    inputs: Float32Array.from({ length: BATCH * 40 }, (_, i) => scale * Math.sin(12.9 * i + step)),
    targets: Int32Array.from({ length: BATCH }, (_, i) => (i * 7 + step) % 5),
    size: BATCH,
  };
}

function open(
  optimizer: OptimizerSpec,
  options: {
    readonly workers: number;
    readonly measureGradient?: boolean;
    readonly checkpoint?: TrainingCheckpoint;
  },
): Promise<TrainingSession> {
  const { workers, ...rest } = options;
  return openTrainingSession(model, { optimizer, batchSize: BATCH, plan: { workers }, ...rest });
}

/** √(gᵀ F⁻¹ g) from the gradient before a step and the second moments after it. */
function normBy(
  gradient: Float32Array,
  { optimizer: bytes }: TrainingCheckpoint,
  spec: OptimizerSpec,
): number {
  const optimizer = measuringOptimizer(optimizerOf(spec));
  const state = optimizer.init(PARAMETERS);
  decodeOptimizerState(bytes, optimizer, state, PARAMETERS);
  const second = state.slots[optimizer.secondMoment.slot] ?? new Float32Array();
  const scale = optimizer.secondMoment.scaleAt(state.step);
  const squares = gradient.reduce(
    (sum, g, i) => sum + (g * g) / (scale * (second[i] ?? NaN) + 1e-16),
    0,
  );
  return Math.sqrt(squares);
}

describe("a session that measures its gradients", () => {
  it.each<[string, OptimizerSpec, number]>([
    ["Adam in three workers", adam(), 3],
    ["SGD in one worker", sgd({ learningRate: 0.1, momentum: 0.9 }), 1],
  ])("tells their norm under its own second moments: %s", async (_what, spec, workers) => {
    await using session = await open(spec, { workers, measureGradient: true });
    await using silent = await open(spec, { workers });
    for (let step = 0; step < 3; step++) {
      const batch = batchAt(step);
      const gradient = (await session.gradient(batch, step)).gradient.slice();
      const { naturalGradientNorm = NaN } = await session.step(batch);
      const expected = normBy(gradient, session.checkpoint(), spec);
      expect(Math.abs(naturalGradientNorm / expected - 1)).toBeLessThan(1e-9);
      expect(await silent.step(batch)).not.toHaveProperty("naturalGradientNorm");
      expect(stateBytes(session.state)).toEqual(stateBytes(silent.state));
    }
  });

  it("goes on from a checkpoint with the norms that would have followed", async () => {
    const spec = sgd({ learningRate: 0.1 });
    await using session = await open(spec, { workers: 2, measureGradient: true });
    for (let step = 0; step < 3; step++) await session.step(batchAt(step));
    const checkpoint = session.checkpoint();
    await using resumed = await open(spec, { workers: 2, measureGradient: true, checkpoint });
    const { naturalGradientNorm } = await session.step(batchAt(3, 5));
    expect((await resumed.step(batchAt(3, 5))).naturalGradientNorm).toBe(naturalGradientNorm);
    expect(naturalGradientNorm).toBeGreaterThan(Math.sqrt(PARAMETERS));
    await expect(open(spec, { workers: 2, checkpoint })).rejects.toThrow("optimizer vectors");
  });
});
