import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Experiment, EXPERIMENTS } from "./experiment.ts";
import { type ExperimentOptions, runExperiment } from "./experiment-run.ts";
import { chosenRows } from "./matrix.ts";
import { loadPaperData, type PaperData } from "./paper-data.ts";
import type { RowResult } from "./row-result.ts";
import type { RowSpec } from "./row-spec.ts";
import { RowStore } from "./row-store.ts";

/** 128 generated digits before the stream and 384 in it. */
const EXPERIMENT: Experiment = {
  ...EXPERIMENTS.mnist,
  ...{ initialSamples: 128, streamSamples: 384, retrainingEvery: 128 },
  ...{ testSamples: 300, checkpointTestSamples: 100, epochs: 1 },
};
const ROWS = chosenRows(EXPERIMENT, [
  ...["online", "proactive-8", "proactive-64", "weights-top-k-0.01", "average"],
  ...["full-retraining", "gradients-top-k-0.01", "algorithm-1-top-k-0.01"],
]);

let directory = "";
let data: PaperData | null = null;
beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "everfresh-paper-"));
  data = await loadPaperData(EXPERIMENT, null);
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function optionsIn(folder: string, rows: readonly RowSpec[] = ROWS): ExperimentOptions {
  if (data === null) throw new Error("no data");
  return {
    experiment: EXPERIMENT,
    model: { name: "lenet5", file: null },
    data,
    seeds: [1],
    rows,
    store: new RowStore(path.join(directory, folder), {
      ...{ experiment: "mnist", model: "lenet5", initChecksum: null },
      ...{ epochs: EXPERIMENT.epochs, scale: 0.01, data: data.description },
    }),
    onProgress: () => undefined,
  };
}

/** A row without the seconds, which no two runs have in common. */
function withoutSeconds({ trainSeconds: _seconds, cost: _cost, ...row }: RowResult): object {
  return row;
}

describe("an experiment", () => {
  let rows: readonly RowResult[] = [];
  const row = (name: string): RowResult => {
    const found = rows.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no row ${name}`);
    return found;
  };

  it("has all rows, with the steps that the setting leads to", async () => {
    const { rows: computed, initial } = await runExperiment(optionsIn("whole"));
    rows = computed;
    expect(rows.map(({ name }) => name)).toEqual([
      ...["frozen", "online", "proactive-64", "proactive-8", "weights-top-k-0.01"],
      ...["average-0.999", "full-retraining-past", "full-retraining-whole"],
      ...["gradients-top-k-0.01", "algorithm-1-top-k-0.01"],
    ]);
    expect(initial).toMatchObject([{ seed: 1, steps: 1 }]);
    const steps = (name: string): number => row(name).steps;
    expect(steps("frozen")).toBe(0);
    expect(steps("online")).toBe(3);
    expect(steps("proactive-64")).toBe(6);
    expect(steps("proactive-8")).toBe(48);
    // From scratch on 256 and 384 samples; after 512 there is nothing left to test.
    expect(steps("full-retraining-past")).toBe(2 + 3);
    expect(steps("full-retraining-whole")).toBe(4);
  });

  it("tests every sample of the stream once, but for the row that never meets it", () => {
    for (const { name, curve, cumulativeAccuracy } of rows) {
      const isWhole = name === "full-retraining-whole";
      expect(curve.at(-1)?.samples).toBe(isWhole ? undefined : 384);
      expect(curve.at(-1)?.accuracy ?? null).toBe(cumulativeAccuracy);
    }
  });

  it("has five tests on the way, the last of them the final one, where states move step by step", () => {
    const { checkpointAccuracies, lastCheckpointsAccuracy, finalTestAccuracy } = row("proactive-8");
    expect(checkpointAccuracies).toHaveLength(5);
    expect(checkpointAccuracies[4]).toBe(finalTestAccuracy);
    expect(lastCheckpointsAccuracy).toBeCloseTo(
      checkpointAccuracies.reduce((sum, each) => sum + each, 0) / 5,
      12,
    );
    expect(row("frozen").checkpointAccuracies).toHaveLength(1);
  });

  it("learns: proactive training is better than nothing, and its copy follows", () => {
    const accuracy = (name: string): number => row(name).finalTestAccuracy;
    expect(accuracy("proactive-8")).toBeGreaterThan(accuracy("frozen") + 0.1);
    expect(accuracy("weights-top-k-0.01")).toBeGreaterThan(accuracy("frozen") + 0.1);
  });

  it("tells chosen entries from changed weights, and both from bytes", () => {
    // ⌊1 %⌋ of each tensor, one at least: papers.md, 618 of 61,706.
    expect(row("gradients-top-k-0.01")).toMatchObject({ mode: "gradients", entriesPerUpdate: 618 });
    expect(row("gradients-top-k-0.01").changedPerUpdate).toBeGreaterThan(30_000);
    expect(row("gradients-top-k-0.01").bytesPerUpdate).toBeGreaterThan(50_000);
    const plain = row("algorithm-1-top-k-0.01");
    expect(plain.changedPerUpdate).toBeGreaterThan(600);
    expect(plain.changedPerUpdate).toBeLessThanOrEqual(618);
    expect(plain.bytesPerUpdate).toBeLessThan(5_000);
    const copy = row("weights-top-k-0.01");
    expect(copy).toMatchObject({ mode: "weights", selector: "topK", ratio: 0.01, triggerSize: 8 });
    expect(copy).toMatchObject({ entriesPerUpdate: 618, changedPerUpdate: 618, updates: 48 });
    expect(copy.bytesPerUpdate).toBeLessThan(3_000);
    expect(row("full-retraining-past")).toMatchObject({ mode: null, selector: null, ratio: null });
    expect(row("full-retraining-past").updates).toBe(2);
    expect(row("average-0.999")).toMatchObject({ bytesPerUpdate: null, selector: "average" });
  });

  it("that is interrupted goes on with what is missing, and comes to the same", async () => {
    const controller = new AbortController();
    const few = chosenRows(EXPERIMENT, ["online", "proactive-8", "weights-top-k-0.01"]);
    const options = optionsIn("interrupted", few);
    const aborting = runExperiment({
      ...options,
      signal: controller.signal,
      onProgress: ({ doing, share }) => {
        if (doing.startsWith("proactive-8") && share > 0.2) controller.abort();
      },
    });
    await expect(aborting).rejects.toThrow(/abort/i);
    expect(options.store.row(1, "online")).not.toBeNull();
    expect(options.store.row(1, "proactive-8")).toBeNull();

    const done: string[] = [];
    const again = await runExperiment({
      ...optionsIn("interrupted", few),
      onProgress: ({ doing }) => done.push(doing),
    });
    expect(done).not.toContain("initial training");
    expect(done).not.toContain("online");
    const names = again.rows.map(({ name }) => name);
    const uninterrupted = rows.filter(({ name }) => names.includes(name));
    expect(names).toHaveLength(4);
    expect(again.rows.map(withoutSeconds)).toEqual(uninterrupted.map(withoutSeconds));
  });

  it("goes on in the middle of a retraining, where that was kept, and comes to the same", async () => {
    const folder = "kept";
    const few = chosenRows(EXPERIMENT, ["full-retraining"]);
    const stepsUntil = async (most: number): Promise<number> => {
      const controller = new AbortController();
      // Time flies: every step is kept.
      let ms = 0;
      const clock = { nowMs: () => 0, monotonicMs: () => (ms += 30_000) };
      let told = 0;
      let before = -1;
      await runExperiment({
        ...{ ...optionsIn(folder, few), clock, signal: controller.signal },
        onProgress: ({ share }) => {
          if (share > before) told++;
          before = share;
          if (told > most) controller.abort();
        },
      }).catch((error: unknown) => {
        if (!controller.signal.aborted) throw error;
      });
      return told;
    };
    // 1 step before the stream, 2 and 3 in it, 4 on everything: cut off again and again.
    let cuts = 0;
    while (cuts < 10 && (await stepsUntil(4)) > 4) cuts++;
    expect(cuts, "cut off, but always farther").toBeGreaterThanOrEqual(2);
    expect(cuts).toBeLessThan(10);
    const { rows: found } = await runExperiment(optionsIn(folder, few));
    const uninterrupted = rows.filter(({ name }) => found.some((each) => each.name === name));
    expect(found.map(({ name }) => name)).toContain("full-retraining-past");
    expect(found.map(withoutSeconds)).toEqual(uninterrupted.map(withoutSeconds));
    const left = readdirSync(path.join(directory, folder, "seed-1"));
    expect(left.filter((name) => name.startsWith("retraining"))).toEqual([]);
  });

  it("begins every row with the initial training, not where the row before has ended", async () => {
    const alone = await runExperiment(optionsIn("alone", chosenRows(EXPERIMENT, ["proactive-64"])));
    expect(alone.rows.map(withoutSeconds)).toEqual(
      [row("frozen"), row("proactive-64")].map(withoutSeconds),
    );
  });

  it("computes nothing where all is there", async () => {
    const progress: unknown[] = [];
    const options = { ...optionsIn("whole"), onProgress: () => progress.push(null) };
    expect((await runExperiment(options)).rows).toEqual(rows);
    expect(progress).toEqual([]);
  });

  it("refuses data that are too few for it", async () => {
    const options = optionsIn("few");
    const train = options.data.train.slice(0, 500);
    await expect(
      runExperiment({ ...options, data: { ...options.data, train } }),
    ).rejects.toMatchObject({ code: "EF_MODEL_SOURCE_MISMATCH" });
  });
});
