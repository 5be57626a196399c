import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createState, deployCopy, stateLayout } from "@everfresh/core";
import { encodeUpdate } from "@everfresh/sync";
import { openUpdateLog, stateAt } from "@everfresh/sync/node";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SMALL_MODEL, writeSmallRun } from "../log/small-run.fixture.ts";
import { openStateDirectory } from "../state/state-directory.ts";
import { openStores } from "./open-stores.ts";
import { Resources } from "./resources.ts";

let folder = "";
let resources = new Resources();
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-stores-"));
  resources = new Resources();
});
afterEach(async () => {
  await resources.close();
  rmSync(folder, { recursive: true, force: true });
});

it("opens a fresh directory", async () => {
  const stores = await openStores(openStateDirectory(folder), resources);
  expect(stores).toMatchObject({ checkpoint: null, loggedVersion: 0 });
  expect(stores.history.count()).toBe(0);
});

it("refuses a log whose checkpoint is gone", async () => {
  const directory = openStateDirectory(folder);
  const layout = stateLayout([{ name: "w", role: "parameter", dtype: "float32", shape: [4] }]);
  const update = deployCopy(createState(layout), 0).updateFor({
    valueType: "float32",
    indices: Uint32Array.of(1),
    values: Float32Array.of(2),
    buffers: [],
  });
  const log = await openUpdateLog({ file: directory.databaseFile });
  await log.append(update, encodeUpdate(update, { layout }));
  await log[Symbol.asyncDispose]();
  await expect(openStores(directory, resources)).rejects.toMatchObject({
    code: "EF_STATE_DIRECTORY",
  });
});

it("lets the log go of what it need not keep after each checkpoint, but of nothing that a restart needs", async () => {
  const { directory, fingerprints } = await writeSmallRun(folder, { versions: 9, checkpointAt: 9 });
  const policies = { retention: { versions: 2 } };
  const { log, checkpoints, checkpoint } = await openStores(directory, resources, policies);
  const { layout } = SMALL_MODEL.state;
  for (const version of [4, 6, 8]) {
    const { state, fingerprint } = await stateAt(log, { layout, version });
    await log.putAnchor({ version, fingerprint, bytes: new Uint8Array(state.buffer) });
  }
  await checkpoints.save({ ...checkpoint!, version: 7 });
  expect(await log.oldest()).toBe(6);
  expect((await stateAt(log, { layout, version: 7 })).fingerprint).toBe(fingerprints[7]);
  await checkpoints.save({ ...checkpoint!, version: 9 });
  expect(await log.oldest()).toBe(8);
});
