import { type BufferChange, deployCopy, ShapeError, statisticsChanges } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { mlp } from "../models/mlp.ts";
import { adam } from "../optimizers/adam.ts";
import { PREPROCESSOR, rowModel, rowsAt } from "./moving-statistics.fixture.ts";
import { openTrainingSession } from "./open-training-session.ts";
import type { TrainingBatch, TrainingSession } from "./training-session.ts";

const SIZE = 6;
const model = rowModel();
const { layout } = model.state;
const bare = mlp({ inputs: 7, hidden: [5], outputs: 3, seed: 2 });
const FIRST = bare.state.layout.tensors.length;

function open(of = model, backend: "native" | "wasm" = "native"): Promise<TrainingSession> {
  return openTrainingSession(of, {
    optimizer: adam(),
    batchSize: SIZE,
    plan: { backend, workers: 2 },
  });
}

function batchAt(step: number): TrainingBatch {
  return {
    inputs: Float32Array.from({ length: SIZE * 7 }, (_, i) => Math.sin(i + 7 * step)),
    targets: Int32Array.from({ length: SIZE }, (_, i) => (i + step) % 3),
    size: SIZE,
  };
}

function changesAt(step: number): readonly BufferChange[] {
  const statistics = PREPROCESSOR.observe(PREPROCESSOR.initial(), rowsAt(step, 20));
  return statisticsChanges(layout, PREPROCESSOR.statistics, statistics);
}

describe("a model with statistics of its preprocessing in training", () => {
  it.each(["native", "wasm"] as const)(
    "takes the steps of the model without them, %s",
    async (backend) => {
      await using session = await open(model, backend);
      await using plain = await open(bare, backend);
      for (let step = 0; step < 4; step++) {
        void session.setBuffers(changesAt(step));
        const [mine, expected] = [session.step(batchAt(step)), plain.step(batchAt(step))];
        expect((await mine).loss).toBe((await expected).loss);
      }
      expect(session.state.parameters).toEqual(plain.state.parameters);
      const { inputs, size } = batchAt(9);
      const outputs = await session.predict(deployCopy(session.state, 0).state, inputs, size);
      expect(outputs).toEqual(await plain.predict(plain.state, inputs, size));
      expect((await session.moments(session.state, inputs, size)).layers).toEqual([]);
    },
  );

  it("keeps what they are set to in their turn, in θ and in checkpoints", async () => {
    await using session = await open();
    const early = session.checkpoint();
    const running = session.step(batchAt(0));
    const changes = changesAt(1).map(({ tensor, data }) => ({ tensor, data: data.slice() }));
    const set = session.setBuffers(changes);
    // The caller may use its arrays again while the change waits for the step.
    for (const { data } of changes) data.fill(0 as never);
    expect(PREPROCESSOR.statisticsIn(session.state)).toEqual(PREPROCESSOR.initial());
    await Promise.all([running, set]);
    const expected = PREPROCESSOR.observe(PREPROCESSOR.initial(), rowsAt(1, 20));
    expect(PREPROCESSOR.statisticsIn(session.state)).toEqual(expected);
    const late = session.checkpoint();
    await session.restore(early);
    expect(PREPROCESSOR.statisticsIn(session.state)).toEqual(PREPROCESSOR.initial());
    await session.restore(late);
    expect(PREPROCESSOR.statisticsIn(session.state)).toEqual(expected);
  });

  it("takes only whole buffers, all of them or none", async () => {
    await using session = await open();
    const good = changesAt(2)[0];
    const data = good?.data ?? new Float32Array(0);
    const wrong: readonly BufferChange[] = [
      { tensor: 0, data: new Float32Array(35) },
      { tensor: 99, data },
      { tensor: FIRST + 3, data: new Float32Array(3) },
      { tensor: FIRST, data, adds: true },
    ];
    for (const change of wrong) {
      const both = [...(good === undefined ? [] : [good]), change];
      await expect(session.setBuffers(both)).rejects.toBeInstanceOf(ShapeError);
    }
    expect(session.checkpoint().state).toEqual(new Uint8Array(model.state.buffer));
  });
});
