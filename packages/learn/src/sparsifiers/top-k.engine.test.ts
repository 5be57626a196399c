/** Selections from a large state, while the workers of a real session compare what they move. */
import { deployCopy, type ModelState, Random, type StateChange } from "@everfresh/core";
import { mlp, openTrainingSession, sgd, type TrainingBatch } from "@everfresh/engine";
import { describe, expect, it, vi } from "vitest";
import { DifferenceScan } from "../kernels/difference-scan.ts";
import { topK } from "./top-k.ts";

/** 1.1 million parameters. */
const model = mlp({ inputs: 784, hidden: [1_400], outputs: 3 });
const OPTIONS = { ratio: 0.001, valueType: "float16" } as const;

function batchOf(seed: number): TrainingBatch {
  const random = new Random(seed);
  const inputs = Float32Array.from({ length: 8 * 784 }, () => random.normal());
  return { inputs, targets: Int32Array.from({ length: 8 }, () => random.below(3)), size: 8 };
}

/** Numbers that one thread had to compare in a selection, and what was selected. */
function counted(select: () => StateChange): { compared: number; change: StateChange } {
  const collect = vi.spyOn(DifferenceScan.prototype, "collect");
  const change = select();
  const compared = collect.mock.calls.reduce((sum, [{ from, to }]) => sum + to - from, 0);
  collect.mockRestore();
  return { compared, change };
}

/** The same without anybody who moves it. */
function unwatched({ movers: _movers, ...state }: ModelState): ModelState {
  return state;
}

describe("the selection from a session's state", () => {
  it("is that of one thread, which compares next to nothing once the workers look", async () => {
    await using session = await openTrainingSession(model, {
      optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
      batchSize: 8,
      plan: { workers: 2 },
    });
    const { state } = session;
    const deployed = deployCopy(state, 0, { shared: true, kernels: true });
    const sparsifier = topK(OPTIONS);
    const compared: number[] = [];
    const round = async (seed: number, between?: () => Promise<void>): Promise<void> => {
      await session.step(batchOf(seed));
      await between?.();
      const expected = topK(OPTIONS).select(unwatched(state), deployed.state);
      const { compared: numbers, change } = counted(() => sparsifier.select(state, deployed.state));
      compared.push(numbers);
      expect(change).toEqual(expected);
      deployed.apply(deployed.updateFor(change));
    };
    for (let seed = 0; seed < 6; seed++) await round(seed);
    const { parameterCount } = state.layout;
    expect(compared[0]).toBeGreaterThanOrEqual(parameterCount);
    const ahead = parameterCount % 16;
    expect(compared.slice(2)).toEqual([ahead, ahead, ahead, ahead]);

    // Two steps without a selection between them, and then as before.
    await session.step(batchOf(6));
    await round(7);
    await round(8);
    expect(compared.slice(6)).toEqual([expect.any(Number), ahead]);
    expect(compared[6]).toBeGreaterThanOrEqual(parameterCount);

    // Going back after the step that was looked at: what was found there is true no more.
    const checkpoint = session.checkpoint();
    await round(9, () => session.restore(checkpoint));
    expect(compared.at(-1)).toBeGreaterThanOrEqual(parameterCount);
  });
});
