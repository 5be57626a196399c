import { readFileSync } from "node:fs";
import { cloneState, ShapeError } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { importModel } from "../models/import-model.ts";
import { mlp } from "../models/mlp.ts";
import type { Model } from "../models/model.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingSession } from "./training-session.ts";

const fixture = new URL("./fixtures/batch-norm.golden.onnx", import.meta.url);
const normalised = importModel(readFileSync(fixture));
const plain = mlp({ inputs: 5, hidden: [7], outputs: 4, activation: "tanh", seed: 4 });

function open(model: Model, batchSize: number): Promise<TrainingSession> {
  return openTrainingSession(model, { optimizer: sgd({ learningRate: 0.1 }), batchSize });
}

function batchOf(model: Model, size: number): TrainingBatch {
  const length = model.input.shape.reduce((a, b) => a * b, 1);
  return {
    inputs: Float32Array.from({ length: size * length }, (_, i) => Math.sin(1.7 * i)),
    targets: Int32Array.from({ length: size }, (_, i) => i % 4),
    size,
  };
}

/** −log softmax(logits)[target] per sample. */
function losses(logits: Float32Array, { targets, size }: TrainingBatch): number[] {
  const classes = logits.length / size;
  return Array.from({ length: size }, (_, i) => {
    const row = Array.from(logits.subarray(i * classes, (i + 1) * classes));
    const total = row.reduce((sum, value) => sum + Math.exp(value), 0);
    return Math.log(total) - row[targets[i]!]!;
  });
}

describe("inputGradients", () => {
  it.each([
    { name: "mlp", model: plain },
    { name: "with BatchNormalization", model: normalised },
  ])("agrees with finite differences of what inference computes ($name)", async ({ model }) => {
    await using session = await open(model, 4);
    // More samples than a step takes, and not a multiple of a part.
    const batch = batchOf(model, 7);
    const gradients = await session.inputGradients(session.state, batch);
    expect(gradients).toHaveLength(batch.inputs.length);
    const length = batch.inputs.length / batch.size;
    const lossesAt = async (at: number, offset: number): Promise<number[]> => {
      const inputs = batch.inputs.map((x, i) => (i % length === at ? x + offset : x));
      return losses(await session.predict(session.state, inputs, batch.size), batch);
    };
    for (const at of [0, 2, length - 1]) {
      const above = await lossesAt(at, 0.02);
      const below = await lossesAt(at, -0.02);
      above.forEach((loss, sample) => {
        const numeric = (loss - below[sample]!) / 0.04;
        expect(Math.abs(gradients[sample * length + at]! - numeric)).toBeLessThan(2e-3);
      });
    }
  });

  it("counts weights, takes any state, and waits for steps", async () => {
    await using session = await open(plain, 4);
    const batch = batchOf(plain, 4);
    const start = cloneState(session.state);
    const once = await session.inputGradients(session.state, batch);
    const weights = Float32Array.of(2, 0, 1, 0.5);
    const weighted = await session.inputGradients(session.state, { ...batch, weights });
    weighted.forEach((g, i) => expect(g).toBeCloseTo(weights[Math.floor(i / 5)]! * once[i]!, 6));
    const step = session.step(batch);
    const after = session.inputGradients(session.state, batch);
    const underStart = session.inputGradients(start, batch);
    batch.inputs.fill(NaN);
    await step;
    expect(await underStart).toEqual(once);
    expect(await after).not.toEqual(once);
    expect((await after).every(Number.isFinite)).toBe(true);
  });

  it("refuses what does not fit", async () => {
    await using session = await open(plain, 4);
    const batch = batchOf(plain, 4);
    const other = mlp({ inputs: 5, hidden: [8], outputs: 4 }).state;
    await expect(session.inputGradients(other, batch)).rejects.toThrow(ShapeError);
    const short = { ...batch, inputs: batch.inputs.subarray(1) };
    await expect(session.inputGradients(session.state, short)).rejects.toThrow(ShapeError);
  });
});
