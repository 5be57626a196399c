import { readFileSync } from "node:fs";
import { tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/golden.fixture.ts";
import { gradientError, type GoldenGradient } from "../models/golden-models.fixture.ts";
import { importModel } from "../models/import-model.ts";
import type { Model } from "../models/model.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "../sessions/open-training-session.ts";

/** What bench/peers/golden_trainable_files.py made. */
interface Golden {
  readonly batchSize: number;
  readonly classes: number;
  readonly learningRate: number;
  /** The sum of the samples' losses. */
  readonly loss: number;
  /** Mean losses of the first steps of training, in float64. */
  readonly losses: readonly number[];
  /** The same in float32, in each of PyTorch's memory formats. */
  readonly singleLosses: readonly (readonly number[])[];
  readonly gradients: readonly GoldenGradient[];
}

const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`./fixtures/${name}`, import.meta.url));

const goldenOf = (network: string): Golden =>
  JSON.parse(new TextDecoder().decode(fixture(`${network}.golden.json`))) as Golden;

/** The script's whole numbers below 2³² that look random. */
function hashes(count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    let h = Math.imul(i, 2654435761) >>> 0;
    h = Math.imul(h ^ (h >>> 15), 2246822519) >>> 0;
    return (h ^ (h >>> 13)) >>> 0;
  });
}

/** The script's batch: noise for images, ids for texts. */
function batchOf(network: string, { input }: Model, { batchSize, classes }: Golden) {
  const count = batchSize * input.shape.reduce((product, size) => product * size, 1);
  const toInput = (h: number): number => (network === "text" ? h % 50 : h / 2 ** 31 - 1);
  return {
    inputs: Float32Array.from(hashes(count), toInput),
    targets: Int32Array.from({ length: batchSize }, (_, i) => (7 * i) % classes),
    size: batchSize,
  };
}

describe.each(["resnet", "mobilenet", "text"])(
  "%s as PyTorch exported it for training",
  (network) => {
    const golden = goldenOf(network);

    it.each(["script", "dynamo"])("has PyTorch's loss and gradients (%s)", async (exporter) => {
      const model = importModel(fixture(`${network}-${exporter}.golden.onnx`));
      const { inputs, targets, size } = batchOf(network, model, golden);
      const { loss, gradients } = await gradientsOf(model, model.state, {
        inputs: tensor("float32", [size, ...model.input.shape], inputs),
        targets: tensor("int64", [size], BigInt64Array.from(targets, BigInt)),
        weights: tensor("float32", [size], new Float32Array(size).fill(1)),
      });
      expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-5);
      const parameters = model.state.layout.tensors.filter(({ role }) => role === "parameter");
      const errors = golden.gradients.map((expected) => {
        const at = parameters.findIndex(({ name }) => name === expected.name);
        const error = gradientError(Array.from(gradients[at]?.data ?? [], Number), expected);
        return { name: expected.name, error, limit: Math.max(2 * expected.error32, 1e-5) };
      });
      expect(parameters).toHaveLength(golden.gradients.length);
      expect(errors.filter(({ error, limit }) => !(error <= limit))).toEqual([]);
    });

    it("trains with PyTorch's loss at every step", async () => {
      const model = importModel(fixture(`${network}-script.golden.onnx`));
      await using session = await openTrainingSession(model, {
        optimizer: sgd({ learningRate: golden.learningRate, momentum: 0.9 }),
        batchSize: golden.batchSize,
        plan: { workers: 1, batchNorm: "exact" },
      });
      const batch = batchOf(network, model, golden);
      for (const [step, expected] of golden.losses.entries()) {
        const { loss } = await session.step(batch);
        const own = golden.singleLosses.map((single) =>
          Math.abs((single[step] ?? NaN) / expected - 1),
        );
        const limit = Math.max(1e-4, 2 * Math.max(...own));
        expect(Math.abs(loss / expected - 1), `step ${step}`).toBeLessThan(limit);
      }
    });
  },
);
