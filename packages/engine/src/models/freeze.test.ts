import { tensorOf } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { trainingStep } from "../autodiff/training-step.ts";
import { UnmatchedPatternError } from "../errors.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { smooth } from "../ops/case-source.fixture.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "../sessions/open-training-session.ts";
import { exportModel } from "./export-model.ts";
import { freeze } from "./freeze.ts";
import { importModel } from "./import-model.ts";
import { lenet5 } from "./lenet5.ts";
import type { Model } from "./model.ts";
import { replaceHead } from "./replace-head.ts";
import { resnet20 } from "./resnet20.ts";

const names = ({ state }: Model): string[] => state.layout.tensors.map(({ name }) => name);

describe("freeze", () => {
  const model = lenet5({ seed: 3 });

  it("makes constants of all parameters that a pattern matches, with their values", () => {
    const frozen = freeze(model, ["conv*", "fc1.bias"]);
    expect(names(frozen)).toEqual([
      "fc1.weight",
      "fc2.weight",
      "fc2.bias",
      "fc3.weight",
      "fc3.bias",
    ]);
    expect(frozen.graph.state.map(({ name }) => name)).toEqual(names(frozen));
    for (const name of ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.bias"]) {
      const constant = frozen.graph.constants.get(name);
      expect(constant?.data).toEqual(tensorOf(model.state, name).data);
    }
    for (const name of names(frozen)) {
      expect(tensorOf(frozen.state, name)).toEqual(tensorOf(model.state, name));
    }
  });

  it("takes names as they are, dots and brackets included", () => {
    expect(names(freeze(model, ["*"]))).toEqual([]);
    expect(names(freeze(model, ["*.bias"])).every((name) => name.endsWith(".weight"))).toBe(true);
    for (const pattern of ["conv", "conv1xweight", "(conv1.weight", "Conv1.weight", ""]) {
      expect(() => freeze(model, [pattern]), pattern).toThrow(UnmatchedPatternError);
    }
  });

  it("suggests similar names for a pattern that matches nothing", () => {
    expect(() => freeze(model, ["fc2.*", "conv1.wieght"])).toThrow(
      /"conv1.wieght".*"conv1.weight"/,
    );
  });

  it("computes what the model did, and keeps constants through a file", async () => {
    const x = { input: smooth(1, [2, 1, 28, 28]) };
    const frozen = freeze(model, ["conv*"]);
    const [before, after] = await Promise.all(
      [model, frozen].map((one) => runOnnx(exportModel(one), x)),
    );
    expect(after).toEqual(before);
    expect(importModel(exportModel(frozen)).graph).toEqual(frozen.graph);
    expect(importModel(exportModel(model), { freeze: ["conv*"] })).toEqual(frozen);
  });

  it("does not share memory with the model that it comes from", () => {
    const other = lenet5({ seed: 3 });
    const frozen = freeze(other, ["conv1.*"]);
    other.state.parameters.fill(7);
    expect(frozen.graph.constants.get("conv1.bias")?.data).toEqual(
      tensorOf(model.state, "conv1.bias").data,
    );
  });

  it("keeps running statistics with the normalisations that are frozen, and no others", () => {
    const whole = resnet20();
    const frozen = freeze(whole, ["layer1.*", "bn1.*"]);
    const buffers = (one: Model): string[] =>
      one.state.layout.tensors.filter(({ role }) => role === "buffer").map(({ name }) => name);
    expect(buffers(frozen)).toEqual(
      buffers(whole).filter((name) => !name.startsWith("layer1.") && !name.startsWith("bn1.")),
    );
    const { moments } = trainingStep(frozen, { batchSize: 4 }).outputs;
    const statistics = moments.flatMap((one) => [one.runningMean, one.runningVariance]);
    expect(statistics.toSorted()).toEqual(buffers(frozen).toSorted());
    // A scale alone leaves the statistics of the batch in place.
    expect(buffers(freeze(whole, ["bn1.weight"]))).toEqual(buffers(whole));
    expect(() => freeze(whole, ["*.running_mean"])).toThrow(UnmatchedPatternError);
  });

  it("trains what is left, and not one bit of what is frozen", async () => {
    const backbone = freeze(resnet20({ seed: 5 }), ["conv1.*", "bn1.*", "layer*"]);
    const tuned = replaceHead(backbone, { outputs: 3, seed: 1 });
    expect(names(tuned)).toEqual(["linear.weight", "linear.bias"]);
    const constants = structuredClone([...tuned.graph.constants]);
    // Small, because features of random weights that nothing normalises are large.
    await using session = await openTrainingSession(tuned, {
      optimizer: sgd({ learningRate: 1e-5 }),
      batchSize: 6,
      plan: { workers: 1 },
    });
    const inputs = smooth(2, [6, 3, 32, 32]).data;
    const batch = {
      inputs: Float32Array.from(inputs, Number),
      targets: Int32Array.of(0, 1, 2, 0, 1, 2),
      size: 6,
    };
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) losses.push((await session.step(batch)).loss);
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
    expect(tensorOf(session.state, "linear.weight")).not.toEqual(
      tensorOf(tuned.state, "linear.weight"),
    );
    expect(session.state.layout).toEqual(tuned.state.layout);
    expect([...tuned.graph.constants]).toEqual(constants);
  });
});
