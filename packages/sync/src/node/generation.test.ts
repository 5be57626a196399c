import { classes, createState, DeployedState, numeric, Random, stateLayout } from "@everfresh/core";
import Database from "better-sqlite3";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { encodeUpdate } from "../codec/update-codec.ts";
import { readUpdateHeader } from "../codec/update-header.ts";
import { LogGapError, LogLockedError } from "../errors.ts";
import { Publisher, randomState, smallManifest } from "../publisher.fixture.ts";
import { appendVersions, recorded, snapshotOf } from "./log.fixture.ts";
import { openUpdateLog } from "./sqlite-update-log.ts";
import { stateAt } from "./state-at.ts";
import { openUpdateLogReader } from "./update-log-reader.ts";

const MANIFEST = smallManifest();
const OTHER_LAYOUT = stateLayout([
  { name: "w", role: "parameter", dtype: "float32", shape: [4, 2] },
]);
const OTHER = {
  ...MANIFEST,
  layout: OTHER_LAYOUT,
  input: { name: "x", shape: [4] },
  output: { name: "y", shape: [2] },
  preprocessing: numeric(4),
  target: classes(2),
};

let directory = "";
let file = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-generation-"));
  file = join(directory, "model.sqlite");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("generations of a log", () => {
  it("begin with a manifest and an anchor, and go on while the model is the same", async () => {
    const publisher = new Publisher(new Random(1), randomState(new Random(1)));
    const hashes: string[] = [];
    {
      await using log = await openUpdateLog({ file });
      expect(await log.generation()).toBeNull();
      const first = await log.openGeneration(MANIFEST, snapshotOf(publisher.deployed));
      expect(first).toMatchObject({ number: 1, id: log.id, firstVersion: 0 });
      expect(first.manifest.logId).toBe(log.id);
      expect(log.head()).toMatchObject({ version: 0 });
      await appendVersions(log, publisher, 5);
      hashes.push(first.hash);
    }
    await using log = await openUpdateLog({ file });
    const again = await log.openGeneration(MANIFEST, snapshotOf(publisher.deployed));
    expect(again).toMatchObject({
      number: 1,
      hash: hashes[0],
      manifest: { layout: MANIFEST.layout },
    });
    expect(log.head()?.version).toBe(5);
  });

  it("change with the model; versions go on, and every one of both stays whole", async () => {
    await using log = await openUpdateLog({ file });
    const publisher = new Publisher(new Random(2), randomState(new Random(2)));
    await log.openGeneration(MANIFEST, snapshotOf(publisher.deployed));
    const states = await appendVersions(log, publisher, 8);
    const fresh = new DeployedState(createState(OTHER_LAYOUT), 9);
    const early = snapshotOf(new DeployedState(createState(OTHER_LAYOUT), 8));
    await expect(log.openGeneration(OTHER, early)).rejects.toThrow(LogGapError);
    const second = await log.openGeneration(OTHER, snapshotOf(fresh));
    expect(second).toMatchObject({ number: 2, id: `${log.id}.2`, firstVersion: 9 });
    const value = new Float32Array([1.5]);
    const change = { valueType: "float32", indices: new Uint32Array([3]), values: value } as const;
    const update = fresh.updateFor({ ...change, buffers: [] });
    await log.append(update, encodeUpdate(update, { layout: OTHER_LAYOUT }));
    fresh.apply(update);

    await using reader = await openUpdateLogReader({ file });
    expect((await reader.head())?.version).toBe(10);
    for (const version of [1, 8]) {
      const { layout } = (await reader.generation(version))!.manifest;
      expect(recorded(await stateAt(reader, { layout, version }))).toEqual(states.get(version));
    }
    const { layout } = (await reader.generation(10))!.manifest;
    expect(recorded(await stateAt(reader, { layout, version: 10 }))).toEqual(recorded(fresh));
    const versions: number[] = [];
    for await (const bytes of reader.range(5, 10)) versions.push(readUpdateHeader(bytes).toVersion);
    expect(versions).toEqual([5, 6, 7, 8]);
    const listed = await reader.entries({ limit: 3 });
    expect(listed.map(({ version, generation }) => [version, generation])).toEqual([
      [10, 2],
      [9, 2],
      [8, 1],
    ]);
    expect(listed[1]).toMatchObject({ entries: null, bytes: null });
  });

  it("are replaced while nothing was appended yet", async () => {
    await using log = await openUpdateLog({ file });
    const publisher = new Publisher(new Random(3), randomState(new Random(3)));
    await log.openGeneration(MANIFEST, snapshotOf(publisher.deployed));
    const fresh = new DeployedState(createState(OTHER_LAYOUT), 0);
    expect(await log.openGeneration(OTHER, snapshotOf(fresh))).toMatchObject({ number: 1 });
    expect(log.head()).toEqual({ version: 0, fingerprint: fresh.fingerprint });
  });
});

describe("a log's epoch", () => {
  it("rises with every writer, and refuses a write of the one before", async () => {
    const publisher = new Publisher(new Random(4));
    {
      await using log = await openUpdateLog({ file });
      expect(log.epoch).toBe(1);
    }
    await using log = await openUpdateLog({ file });
    expect(log.epoch).toBe(2);
    await appendVersions(log, publisher, 3);
    // As another writer would whose lock this one does not see.
    const other = new Database(file);
    other.exec("UPDATE log_facts SET value = '3' WHERE name = 'epoch'");
    other.close();
    await expect(appendVersions(log, publisher, 1)).rejects.toThrow(LogLockedError);
    expect(log.head()?.version).toBe(3);
  });
});
