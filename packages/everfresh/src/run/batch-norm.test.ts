import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { dataOf, type ModelState } from "@everfresh/core";
import { adam, resnet20 } from "@everfresh/engine";
import { openUpdateLogReader, stateAt } from "@everfresh/sync/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sparse } from "../config/sparse.ts";
import { chosenState } from "../export/chosen-state.ts";
import { rollBackStopped } from "../log/roll-back-stopped.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { definitionOf, fingerprintsOf, train } from "./points-run.fixture.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-deployment-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => path.join(folder, name);

const buffersOf = (state: ModelState): readonly number[] =>
  state.layout.tensors
    .filter(({ role }) => role === "buffer")
    .flatMap((entry) => Array.from(dataOf(state, entry), Number));

describe("a run of a network with BatchNormalization", () => {
  const definition = definitionOf(resnet20({ inputSize: 8, classes: 3, seed: 4 }), {
    deploy: sparse({ ratio: 1e-3, buffersEvery: 3 }),
    optimizer: adam({ learningRate: 1e-3 }),
  });

  it("deploys its statistics every so many updates, the same in two parts and after a rollback", async () => {
    const whole = await train(at("whole"), definition, 8);
    await train(at("halves"), definition, 5);
    const halves = await train(at("halves"), definition, 3);
    expect(halves.checkpoint).toEqual(whole.checkpoint);
    expect(await fingerprintsOf(halves.directory)).toEqual(await fingerprintsOf(whole.directory));
    expect(whole.status.buffersEvery).toBe(3);
    expect(whole.told).toEqual(["every 3"]);

    const { layout } = resnet20({ inputSize: 8, classes: 3 }).state;
    const statesOf = async (directory: StateDirectory, last: number) => {
      await using log = await openUpdateLogReader({ file: directory.databaseFile });
      const versions = Array.from({ length: last + 1 }, (_, version) => version);
      return await Promise.all(versions.map((version) => stateAt(log, { layout, version })));
    };
    const states = await statesOf(whole.directory, 8);
    const changes = states.flatMap(({ version, state }, i) => {
      const before = states[i - 1]?.state;
      return before === undefined || isSame(before, state) ? [] : [version];
    });
    expect(changes).toEqual([3, 6]);
    // An export has what replicas have; θ has statistics of its own.
    const exported = await chosenState(whole.directory, layout, {
      kind: "deployed",
    });
    expect(exported.fingerprint).toBe(whole.status.fingerprint);
    expect(isSame(exported.state, states[6]!.state)).toBe(true);
    const trained = await chosenState(whole.directory, layout, { kind: "trained" });
    expect(isSame(trained.state, exported.state)).toBe(false);

    await rollBackStopped(whole.directory, { version: 4, excludeSince: true });
    const after = await train(at("whole"), definition, 3);
    expect(after.status.version).toBe(12);
    const later = await statesOf(whole.directory, 12);
    // Version 9 is that of the rollback, and 12 the next one of a third.
    expect(isSame(later[9]!.state, states[3]!.state)).toBe(true);
    expect(later[9]?.fingerprint).toBe(states[4]?.fingerprint);
    expect(isSame(later[11]!.state, later[9]!.state)).toBe(true);
    expect(isSame(later[12]!.state, later[11]!.state)).toBe(false);
  });
});

const isSame = (a: ModelState, b: ModelState): boolean =>
  JSON.stringify(buffersOf(a)) === JSON.stringify(buffersOf(b));
