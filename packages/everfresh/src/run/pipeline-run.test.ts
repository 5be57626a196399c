/** Whole runs whose preprocessing learns: stopped, rolled back, and with other tensors. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  type FeatureStatistics,
  type ModelState,
  pipeline,
  preprocessorOf,
  stateOn,
  statisticsIn,
} from "@everfresh/core";
import { adam, mlp } from "@everfresh/engine";
import { openUpdateLogReader, stateAt } from "@everfresh/sync/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ModelDefinition } from "../config/define-model.ts";
import { sparse } from "../config/sparse.ts";
import { rollBackStopped } from "../log/roll-back-stopped.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { definitionOf, type EndedRun, fingerprintsOf, train } from "./points-run.fixture.ts";

const PIPELINE = pipeline({
  raw: { kind: "numbers", columns: ["a", "b", "c", "d", "e", "f"] },
  branches: [
    { columns: ["a", "b", "c"], steps: [{ kind: "standardise" }] },
    { columns: ["d", "e", "f"], steps: [{ kind: "minMax", low: -1, high: 1 }] },
  ],
});
const PREPROCESSOR = preprocessorOf(PIPELINE);
const COUNT = PREPROCESSOR.statistics.findIndex(({ name }) => name.endsWith("count"));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-pipeline-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function definition(hidden = 8): ModelDefinition {
  const model = mlp({ inputs: 6, hidden: [hidden], outputs: 3, seed: 2 });
  const how = { deploy: sparse({ ratio: 0.2 }), optimizer: adam({ learningRate: 3e-3 }) };
  return { ...definitionOf(model, how), input: PIPELINE, features: { tolerance: 0.1 } };
}

const known = (state: ModelState): FeatureStatistics =>
  statisticsIn(state, PREPROCESSOR.statistics);

/** Samples that statistics know. */
const countOf = (statistics: FeatureStatistics): number | undefined => statistics[COUNT]?.[0];

async function deployedAt({ databaseFile }: StateDirectory, version: number): Promise<ModelState> {
  await using log = await openUpdateLogReader({ file: databaseFile });
  const generation = await log.generation();
  if (generation === null) throw new Error("there is a run");
  return (await stateAt(log, { layout: generation.manifest.layout, version })).state;
}

const trainedOf = ({ checkpoint }: EndedRun, { layout }: ModelState): ModelState =>
  stateOn(layout, new Uint8Array(checkpoint.training.state).buffer);

describe("a run whose preprocessing learns", () => {
  it("comes to the same bits when it is stopped on the way", async () => {
    const whole = await train(path.join(folder, "whole"), definition(), 14);
    await train(path.join(folder, "parts"), definition(), 5);
    const parts = await train(path.join(folder, "parts"), definition(), 9);
    expect(parts.checkpoint).toEqual(whole.checkpoint);
    expect(await fingerprintsOf(parts.directory)).toEqual(await fingerprintsOf(whole.directory));
    expect(whole.checkpoint.features?.statistics.byteLength).toBe(2 * 3 * 6 * 4);
    const deployed = known(await deployedAt(whole.directory, 14));
    expect(countOf(deployed)).toBe(14 * 16);
    expect(whole.status.buffersEvery).toBeNull();
    expect(whole.status.features).toMatchObject({ absent: 0, tolerance: 0.1 });
  });

  it("gets the statistics of a version back with its weights, and goes on from there", async () => {
    const state = path.join(folder, "state");
    const { directory } = await train(state, definition(), 20);
    const before = await deployedAt(directory, 12);
    const report = await rollBackStopped(directory, { version: 12, excludeSince: false });
    expect(report.version).toBe(21);
    const after = await deployedAt(directory, 21);
    expect(known(after)).toEqual(known(before));
    expect(countOf(known(after))).toBe(12 * 16);
    const resumed = await train(state, definition(), 1);
    // The samples that were learned since are not new again, those of the next step are.
    expect(countOf(known(trainedOf(resumed, after)))).toBe(13 * 16);
    expect(countOf(known(await deployedAt(directory, 22)))).toBe(13 * 16);
  });

  it("knows the past when it starts anew with other tensors", async () => {
    const state = path.join(folder, "state");
    await train(state, definition(), 10);
    const anew = await train(state, definition(12), 1, { newGeneration: true });
    expect(countOf(known(await deployedAt(anew.directory, 12)))).toBe(11 * 16);
  });
});
