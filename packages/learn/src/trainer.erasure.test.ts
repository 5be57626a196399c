import { type History, isErased } from "@everfresh/streams";
import { describe, expect, it, vi } from "vitest";
import { points } from "./points.fixture.ts";
import { fullRetraining, proactive } from "./strategies/strategy-spec.ts";
import { emptyStores, optionsOn, run, type Stores } from "./trainer.fixture.ts";
import type { TrainerOptions } from "./trainer-options.ts";

const SOURCE = { size: 10_000, inputs: 12, classes: 4 };

/** Erases what is at these positions. */
async function erase({ history }: Pick<Stores, "history">, positions: readonly number[]) {
  for (const { id } of await history.read(positions)) await history.erase(id);
}

/** Stores samples of the source that nobody has asked for yet. */
async function append(history: History, count: number): Promise<void> {
  for await (const sample of points(SOURCE).read({ from: history.count() })) {
    await history.append([sample]);
    if (--count === 0) return;
  }
}

/** The rows of all batches that a run trains on. */
function watchBatches(options: TrainerOptions) {
  const rows: Float32Array[] = [];
  const step = options.session.step.bind(options.session);
  vi.spyOn(options.session, "step").mockImplementation((batch) => {
    const width = batch.inputs.length / batch.size;
    for (let i = 0; i < batch.size; i++) {
      rows.push(batch.inputs.slice(i * width, (i + 1) * width));
    }
    return step(batch);
  });
  return rows;
}

const isBlank = (row: Float32Array): boolean => row.every((value) => value === 0);

describe("a run in whose history samples were erased", () => {
  it("neither draws nor tests them, nor takes them up as new ones", async () => {
    const stores = emptyStores();
    await run(await optionsOn(stores, { maxSteps: 6, checkpointEvery: 100 }));
    await append(stores.history, 16);
    await erase(stores, [3, 10, 11, 40, 48, 49, 50, 60]);
    const excluded = stores.history.erased().map((at) => ({ from: at, to: at + 1 }));
    const options = await optionsOn(stores, { maxSteps: 20, excluded });
    const rows = watchBatches(options);
    const recorded = vi.spyOn(options.evaluation, "record");
    const reports = await run(options);
    expect(reports).toHaveLength(14);
    expect(rows.some(isBlank)).toBe(false);
    // Of the 14 × 8 samples that became old, four that nobody had tested were erased.
    expect(recorded).toHaveBeenCalledTimes(14 * 8 - 4);
    const [first, second, third] = reports;
    expect([first, second, third].map((report) => report?.batchSize)).toEqual([32, 32, 32]);
    expect(rows).toHaveLength(14 * 32 - 4);
  });

  it("performs what it had decided before a crash without them", async () => {
    const stores = emptyStores();
    const cut = await optionsOn(stores, { maxSteps: 9, checkpointEvery: 4 });
    const publish = stores.publisher.publish.bind(stores.publisher);
    const failing = vi.spyOn(stores.publisher, "publish").mockImplementation((update) => {
      if (update.toVersion === 7) throw new Error("the process dies");
      return publish(update);
    });
    await expect(run(cut)).rejects.toThrow("dies");
    failing.mockRestore();
    const decided = (await stores.journal.after(4)).flatMap(({ iteration }) =>
      iteration.kind === "step" ? iteration.positions : [],
    );
    expect(decided.length).toBe(3 * 32);
    await erase(stores, [...new Set(decided)].slice(0, 12));
    const options = await optionsOn(stores, { maxSteps: 9 });
    const rows = watchBatches(options);
    const reports = await run(options);
    expect(reports.map(({ step }) => step)).toEqual([5, 6, 7, 8, 9]);
    expect(rows.some(isBlank)).toBe(false);
    expect(rows.length).toBeLessThan(5 * 32);
  });

  it("goes on where nothing is left of a step", async () => {
    const stores = emptyStores();
    await append(stores.history, 2);
    await erase(stores, [0, 1]);
    const strategy = proactive({ triggerSize: 1, batchSize: 1, sampler: { kind: "none" } });
    const start = { maxSteps: 3, strategy };
    const options = await optionsOn(stores, start);
    // As if they had come after the start.
    const resumed = { ...(await checkpointAt(options)), samples: 0, tested: 0 };
    await stores.checkpoints.save(resumed);
    const again = await optionsOn(stores, start);
    const rows = watchBatches(again);
    const reports = await run(again);
    expect(reports.map(({ loss }) => loss).slice(0, 2)).toEqual([0, 0]);
    expect(rows).toHaveLength(1);
    expect(rows.some(isBlank)).toBe(false);
  });

  it("retrains on all others", async () => {
    const stores = emptyStores();
    await append(stores.history, 60);
    await erase(stores, [0, 20, 59]);
    const trigger = { kind: "byCount", samples: 10 } as const;
    const strategy = fullRetraining({
      trigger,
      start: "cold",
      epochs: 1,
      batchSize: 16,
      overload: "block",
    });
    // Not told of what was erased: also then nothing is learned from it.
    const options = await optionsOn(stores, { maxSteps: 1, strategy });
    const rows = watchBatches(options);
    await run(options);
    expect(rows).toHaveLength(70 - 3);
    expect(rows.some(isBlank)).toBe(false);
    expect((await stores.history.range(0, 60)).filter(isErased)).toHaveLength(3);
  });
});

async function checkpointAt(options: TrainerOptions) {
  await run({ ...options, maxSteps: 0 });
  const checkpoint = await options.checkpoints.latest();
  if (checkpoint === null) throw new Error("a run begins with a checkpoint");
  const { strategy } = checkpoint;
  const begun = { ...strategy.checkpoint, samples: 0, past: 0 };
  return { ...checkpoint, strategy: { ...strategy, checkpoint: begun } };
}
