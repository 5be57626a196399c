import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { goldenState } from "../autodiff/golden.fixture.ts";
import { adam } from "../optimizers/adam.ts";
import { openTrainingSession } from "../sessions/open-training-session.ts";
import { autoEncoder } from "./auto-encoder.ts";

// Made by bench/peers/golden_auto_encoder.py.
const golden = JSON.parse(
  readFileSync(new URL("./fixtures/auto-encoder.golden.json", import.meta.url), "utf8"),
) as { readonly losses: readonly number[] };

describe("autoEncoder", () => {
  it("narrows to the code and widens to its inputs again", () => {
    const { state, input, output, graph } = autoEncoder({ inputs: 20, hidden: [12, 6] });
    const weights = state.layout.tensors.filter(({ shape }) => shape.length === 2);
    expect(weights.map(({ name, shape }) => `${name} ${shape.join("x")}`)).toEqual([
      "encoder1.weight 12x20",
      "encoder2.weight 6x12",
      "code.weight 5x6",
      "decoder1.weight 6x5",
      "decoder2.weight 12x6",
      "reconstruction.weight 20x12",
    ]);
    expect([input.shape, output.shape]).toEqual([[20], [20]]);
    expect(graph.nodes.at(-1)?.operator).toBe("Gemm");
  });

  it("has a code of a quarter of its inputs, from 1 to 32", () => {
    const codes = [2, 40, 784].map((inputs) => autoEncoder({ inputs }).state.layout.tensors[0]);
    expect(codes.map((tensor) => tensor?.shape[0])).toEqual([1, 10, 32]);
    expect(() => autoEncoder({ inputs: 0 })).toThrow(RangeError);
    expect(() => autoEncoder({ inputs: 4, code: 1.5 })).toThrow("code takes whole numbers");
  });

  it("learns its inputs by mean squared error with PyTorch's losses", async () => {
    const model = autoEncoder({ inputs: 9, hidden: [7], code: 3 });
    await using session = await openTrainingSession(
      { ...model, state: goldenState(model) },
      {
        optimizer: adam({ learningRate: 0.01 }),
        loss: { kind: "meanSquaredError" },
        batchSize: 16,
        plan: { workers: 1 },
      },
    );
    for (const [step, expected] of golden.losses.entries()) {
      const inputs = Float32Array.from({ length: 16 * 9 }, (_, i) =>
        Math.sin(12.9898 * i + (step % 4)),
      );
      const { loss } = await session.step({ inputs, targets: inputs, size: 16 });
      expect(Math.abs(loss / expected - 1), `step ${step}`).toBeLessThan(1e-5);
    }
    expect(golden.losses).toHaveLength(40);
    expect(golden.losses.at(-1)).toBeLessThan((golden.losses[0] ?? NaN) * 0.9);
  });
});
