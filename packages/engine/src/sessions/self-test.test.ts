import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { trainingStep, type TrainingStep } from "../autodiff/training-step.ts";
import { importModel } from "../models/import-model.ts";
import { lenet5 } from "../models/lenet5.ts";
import type { Model } from "../models/model.ts";
import { sgd } from "../optimizers/sgd.ts";
import { loadRuntime } from "../runtime/load-runtime.ts";
import { openTrainingSession } from "./open-training-session.ts";
import { selfTest } from "./self-test.ts";

const fixture = new URL("./fixtures/batch-norm.golden.onnx", import.meta.url);
const normalised = importModel(readFileSync(fixture));
const runtime = await loadRuntime({});

/** The step with the outputs of two gradients of one shape exchanged. */
function wrong(model: Model, first: string, second: string): TrainingStep {
  const step = trainingStep(model, { batchSize: 16 });
  const names = model.state.layout.tensors.map(({ name }) => name);
  const gradients = [...step.outputs.gradients];
  const [a, b] = [names.indexOf(first), names.indexOf(second)];
  [gradients[a], gradients[b]] = [gradients[b]!, gradients[a]!];
  return { ...step, outputs: { ...step.outputs, gradients } };
}

describe("selfTest", () => {
  it.each([
    { name: "LeNet-5", model: lenet5({ seed: 1 }) },
    { name: "BatchNormalization", model: normalised },
  ])("passes for formulations that agree ($name)", async ({ model }) => {
    const candidate = trainingStep(model, { batchSize: 16 });
    const reference = trainingStep(model, { batchSize: 16, accelerate: false });
    const report = await selfTest(model, candidate, reference, runtime);
    expect(report).toMatchObject({ passed: true });
    expect(report.deviation).toBeLessThan(1e-3);
  });

  it("names what is wrong", async () => {
    const reference = trainingStep(normalised, { batchSize: 16 });
    const candidate = wrong(normalised, "bn1.weight", "bn1.bias");
    const report = await selfTest(normalised, candidate, reference, runtime);
    expect(report.passed).toBe(false);
    expect(["bn1.weight", "bn1.bias"]).toContain(report.worst);
    expect(report.deviation).toBeGreaterThan(0.1);
  });

  it("runs before training where it is asked for", async () => {
    await using session = await openTrainingSession(lenet5(), {
      optimizer: sgd({ learningRate: 0.1 }),
      batchSize: 32,
      selfTest: true,
    });
    expect(session.optimizerStep).toBe(0);
  });
});
