import { adam, type OptimizerSpec, sgd } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { modeOf, shareOf, withShare } from "./deployment.ts";
import { sparse } from "./sparse.ts";
import { gradientSpecOf, sparseGradients, type SparseGradientOptions } from "./sparse-gradients.ts";

describe("sparseGradients()", () => {
  it("is Algorithm 1 per tensor, with the learning rate of the optimizer", () => {
    const deploy = sparseGradients();
    expect(deploy).toEqual({
      kind: "sparseGradients",
      gradients: { kind: "sparseSgd", choose: "perTensor", ratio: 0.01 },
      buffersEvery: 10,
    });
    const schedule = { kind: "warmUp", learningRate: 0.1, warmUpSteps: 9 } as const;
    expect(gradientSpecOf(deploy.gradients, sgd({ learningRate: schedule }))).toEqual({
      kind: "sparseSgd",
      choose: "perTensor",
      ratio: 0.01,
      learningRate: schedule,
    });
  });

  it("is deep gradient compression with momentum, largest norm and the paper's warm-up", () => {
    const { gradients } = sparseGradients({
      algorithm: "deepGradientCompression",
      ratio: 0.01,
      choose: "global",
      buffersEvery: 10,
    });
    const optimizer = sgd({ learningRate: 0.1, momentum: 0.9, clipNorm: 2 });
    expect(gradientSpecOf(gradients, optimizer)).toEqual({
      kind: "deepGradientCompression",
      choose: "global",
      ratio: 0.01,
      learningRate: 0.1,
      momentum: 0.9,
      clipNorm: 2,
      warmUp: { ratios: [0.25, 0.063, 0.015], stepsPerRatio: 100 },
    });
  });

  it("refuses what is out of range or does not go together, by name", () => {
    const wrong: readonly (readonly [SparseGradientOptions, RegExp])[] = [
      [{ ratio: 2 }, /ratio .* got 2/],
      [{ buffersEvery: 1.5 }, /buffersEvery .* got 1.5/],
      [{ warmUp: { ratios: [0.5], stepsPerRatio: 1 } }, /warmUp must be left out with sparseSgd/],
      [
        { algorithm: "deepGradientCompression", warmUp: { ratios: [7], stepsPerRatio: 1 } },
        /warmUp.ratios .* got 7/,
      ],
    ];
    for (const [options, message] of wrong) {
      expect(() => sparseGradients(options)).toThrow(message);
      expect(() => sparseGradients(options)).toThrow(
        expect.objectContaining({ code: "EF_LEARN_OPTION" }),
      );
    }
  });

  it("refuses an optimizer that the algorithm does not know", () => {
    const plain = sparseGradients().gradients;
    const compression = sparseGradients({ algorithm: "deepGradientCompression" }).gradients;
    const wrong: readonly (readonly [typeof plain, OptimizerSpec, RegExp])[] = [
      [plain, adam(), /optimizer must be sgd\(\) with sparseSgd, got adam\(\)/],
      [plain, sgd({ learningRate: 1, momentum: 0.9 }), /momentum of sgd\(\) must be left out/],
      [plain, sgd({ learningRate: 1, clipNorm: 1 }), /clipNorm of sgd\(\) must be left out/],
      [compression, sgd({ learningRate: 1, weightDecay: 1e-4 }), /weightDecay .* got 0.0001/],
      [compression, sgd({ learningRate: 1, momentum: 0.9, nesterov: true }), /nesterov .* true/],
    ];
    for (const [gradients, optimizer, message] of wrong) {
      expect(() => gradientSpecOf(gradients, optimizer)).toThrow(message);
    }
  });
});

describe("a deployment", () => {
  it("says what it makes sparse, and takes another ratio", () => {
    const compression = sparseGradients({ algorithm: "deepGradientCompression", buffersEvery: 7 });
    expect([sparse(), sparseGradients(), compression].map(modeOf)).toEqual([
      "weights",
      "sparseSgd",
      "deepGradientCompression",
    ]);
    for (const deploy of [sparse({ buffersEvery: 7 }), compression]) {
      expect(shareOf(deploy)).toBe(0.01);
      expect(withShare(deploy, undefined)).toBe(deploy);
      const changed = withShare(deploy, 0.2);
      expect(shareOf(changed)).toBe(0.2);
      expect(changed.buffersEvery).toBe(7);
      expect(() => withShare(deploy, 0)).toThrow(/ratio .* got 0/);
    }
  });
});
