import { describe, expect, it } from "vitest";
import { gradientsOf } from "../autodiff/golden.fixture.ts";
import {
  GOLDEN_CASES,
  gradientError,
  goldenModelBatch,
  goldenModelState,
  type GoldenResult,
  readGoldenModel,
  smoothed,
} from "./golden-models.fixture.ts";
import type { Model } from "./model.ts";

/** Errors below this are the last bits of float32 even where PyTorch happened to have smaller ones. */
const ROUNDING = 1e-5;

describe.each(Object.keys(GOLDEN_CASES))("%s", (name) => {
  const golden = GOLDEN_CASES[name]!();
  const { plain, smooth } = readGoldenModel(name);

  /** Errors per tensor, and of the loss. */
  async function errors(model: Model, expected: GoldenResult): Promise<Map<string, number>> {
    const state = goldenModelState(golden.model);
    const { loss, gradients } = await gradientsOf(model, state, goldenModelBatch(golden));
    expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-5);
    const parameters = model.state.layout.tensors.filter(({ role }) => role === "parameter");
    expect(parameters.map((entry) => entry.name).toSorted()).toEqual(
      expected.gradients.map((gradient) => gradient.name).toSorted(),
    );
    return new Map(
      parameters.map((entry, i) => {
        const gradient = expected.gradients.find((candidate) => candidate.name === entry.name)!;
        return [entry.name, gradientError(Array.from(gradients[i]!.data, Number), gradient)];
      }),
    );
  }

  it("has PyTorch's gradients to 1e-4 with smooth activations", async () => {
    const all = await errors(smoothed(golden.model), smooth);
    expect([...all].filter(([, error]) => !(error <= 1e-4))).toEqual([]);
  });

  it("is at most twice as far from float64 as PyTorch's own float32", async () => {
    const all = await errors(golden.model, plain);
    const worse = plain.gradients.filter(({ name: tensor, error32 }) => {
      return !((all.get(tensor) ?? NaN) <= Math.max(2 * error32, ROUNDING));
    });
    expect(
      worse.map((gradient) => [gradient.name, gradient.error32, all.get(gradient.name)]),
    ).toEqual([]);
  });
});
