import { DeployedState, Random } from "@everfresh/core";
import Database from "better-sqlite3";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { readUpdateHeader } from "../codec/update-header.ts";
import {
  LogCorruptError,
  LogGapError,
  LogLockedError,
  LogUnavailableError,
  UnsupportedFormatError,
} from "../errors.ts";
import { type Snapshot, stateOfSnapshot } from "../manifest.ts";
import { Publisher, randomState, SMALL_LAYOUT } from "../publisher.fixture.ts";
import { openUpdateLog } from "./sqlite-update-log.ts";
import { rollForward, type UpdateLog } from "./update-log.ts";

let directory = "";
let file = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-log-"));
  file = join(directory, "model.sqlite");
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("openUpdateLog", () => {
  it("keeps updates, head and id across openings", async () => {
    const publisher = new Publisher(new Random(1));
    const written: Uint8Array[] = [];
    let id = "";
    for (let session = 0; session < 3; session++) {
      await using log = await openUpdateLog({ file });
      id ||= log.id;
      expect(log.id).toBe(id);
      for (let i = 0; i < 100; i++) written.push(await appendNext(log, publisher));
    }
    await using log = await openUpdateLog({ file });
    expect(log.head()).toEqual({
      version: 300,
      fingerprint: publisher.deployed.fingerprint,
    });
    expect(await all(log.range(1, 300))).toEqual(written);
    expect(await all(log.range(250, 1_000))).toEqual(written.slice(249));
    expect(await log.read(17)).toEqual(written[16]);
    expect(await log.read(301)).toBeNull();
  });

  it("starts empty, with its own id", async () => {
    await using log = await openUpdateLog({ file });
    await using other = await openUpdateLog({ file: join(directory, "other.sqlite") });
    expect(log.head()).toBeNull();
    expect(await log.nearestAnchor(10)).toBeNull();
    expect(log.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(log.id).not.toBe(other.id);
  });

  it("refuses an update that does not follow, and stays as it was", async () => {
    await using log = await openUpdateLog({ file });
    const publisher = new Publisher(new Random(2));
    const first = publisher.next();
    const second = publisher.next();
    await expect(log.append(second.update, second.bytes)).rejects.toThrow(LogGapError);
    await log.append(first.update, first.bytes);
    await expect(log.append(first.update, first.bytes)).rejects.toThrow(LogGapError);
    const foreign = { ...second.update, fingerprintBefore: "0".repeat(32) };
    await expect(log.append(foreign, second.bytes)).rejects.toThrow(LogGapError);
    await log.append(second.update, second.bytes);
    expect(log.head()?.version).toBe(2);
  });

  it("finds the nearest anchor, from which the log leads to the head", async () => {
    await using log = await openUpdateLog({ file });
    const publisher = new Publisher(new Random(3));
    for (let version = 1; version <= 25; version++) {
      await appendNext(log, publisher);
      if (version % 10 === 0) await log.putAnchor(snapshotOf(publisher));
    }
    expect((await log.nearestAnchor(19))?.version).toBe(10);
    expect(await log.nearestAnchor(9)).toBeNull();
    const anchor = (await log.nearestAnchor(25))!;
    expect(anchor.version).toBe(20);
    const state = new DeployedState(stateOfSnapshot(SMALL_LAYOUT, anchor), 20, anchor.fingerprint);
    await rollForward(state, log);
    expect(state.fingerprint).toBe(publisher.deployed.fingerprint);
  });

  it("begins at an anchor when it has one before its first update", async () => {
    await using log = await openUpdateLog({ file });
    const publisher = new Publisher(new Random(4), randomState(new Random(4), 7));
    await log.putAnchor(snapshotOf(publisher));
    await appendNext(log, publisher);
    expect(log.head()?.version).toBe(8);
  });

  it("refuses a second writer and says who the first is, until that one has gone", async () => {
    const first = await openUpdateLog({ file });
    const second = openUpdateLog({ file });
    await expect(second).rejects.toThrow(LogLockedError);
    await expect(second).rejects.toThrow(`process ${process.pid}`);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await (await openUpdateLog({ file }))[Symbol.asyncDispose]();
  });

  it("says so when it is used after it was closed", async () => {
    const log = await openUpdateLog({ file });
    await log[Symbol.asyncDispose]();
    await expect(log.read(1)).rejects.toThrow(LogUnavailableError);
  });

  it("names a file that cannot be opened", async () => {
    const missing = join(directory, "no", "such", "model.sqlite");
    await expect(openUpdateLog({ file: missing })).rejects.toThrow(LogUnavailableError);
    await expect(openUpdateLog({ file: missing })).rejects.toThrow(missing);
  });

  it("refuses a file that is no database, and leaves it alone", async () => {
    await writeFile(file, "these are not the bytes of a database".repeat(100));
    await expect(openUpdateLog({ file })).rejects.toThrow(LogCorruptError);
    expect(await readFile(file, "utf8")).toContain("not the bytes");
  });

  it("refuses a log of another format", async () => {
    await (await openUpdateLog({ file }))[Symbol.asyncDispose]();
    const database = new Database(file);
    database.exec("UPDATE log_facts SET value = '1' WHERE name = 'format'");
    database.close();
    await expect(openUpdateLog({ file })).rejects.toThrow(UnsupportedFormatError);
  });

  it("finds a damaged update when it is read, and a damaged head at once", async () => {
    const publisher = new Publisher(new Random(5));
    {
      await using log = await openUpdateLog({ file });
      for (let i = 0; i < 5; i++) await appendNext(log, publisher);
    }
    damage("log_updates", 3);
    {
      await using log = await openUpdateLog({ file });
      expect(await log.read(2)).not.toBeNull();
      await expect(log.read(3)).rejects.toThrow(LogCorruptError);
      await expect(log.read(3)).rejects.toThrow("update 3");
    }
    damage("log_updates", 5);
    await expect(openUpdateLog({ file })).rejects.toThrow(LogCorruptError);
  });

  it("finds a damaged anchor", async () => {
    await using log = await openUpdateLog({ file });
    const publisher = new Publisher(new Random(6));
    await log.putAnchor(snapshotOf(publisher));
    damage("log_anchors", 0);
    await expect(log.nearestAnchor(0)).rejects.toThrow(LogCorruptError);
  });

  it("shares its file with other stores", async () => {
    await using log = await openUpdateLog({ file });
    const other = new Database(file);
    other.exec("CREATE TABLE sample_things (x)");
    const publisher = new Publisher(new Random(7));
    for (let i = 0; i < 10; i++) {
      other.exec(`INSERT INTO sample_things VALUES (${i})`);
      await appendNext(log, publisher);
    }
    other.close();
    expect(log.head()?.version).toBe(10);
  });

  it("loses no acknowledged version when its writer is killed", async () => {
    const acknowledged = await writeUntilKilled(file, 200);
    await using log = await openUpdateLog({ file });
    const head = log.head()!;
    expect(head.version).toBeGreaterThanOrEqual(acknowledged);
    const deployed = randomState(new Random(11));
    await rollForward(deployed, log);
    expect(deployed.fingerprint).toBe(head.fingerprint);
    expect(readUpdateHeader((await log.read(acknowledged))!).toVersion).toBe(acknowledged);
  });
});

async function appendNext(log: UpdateLog, publisher: Publisher): Promise<Uint8Array> {
  const { update, bytes } = publisher.next();
  await log.append(update, bytes);
  return bytes;
}

async function all(updates: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const list: Uint8Array[] = [];
  for await (const bytes of updates) list.push(bytes);
  return list;
}

function snapshotOf({ deployed }: Publisher): Snapshot {
  const { version, fingerprint, state } = deployed;
  return { version, fingerprint, bytes: new Uint8Array(state.buffer).slice() };
}

function damage(table: "log_updates" | "log_anchors", version: number): void {
  const database = new Database(file);
  const row = database.prepare(`SELECT bytes FROM ${table} WHERE version = ?`).get(version);
  const { bytes } = row as { bytes: Uint8Array };
  bytes[bytes.length >> 1]! ^= 4;
  database.prepare(`UPDATE ${table} SET bytes = ? WHERE version = ?`).run(bytes, version);
  database.close();
}

/** Lets another process append as fast as it can, kills it, and says what it had acknowledged. */
async function writeUntilKilled(path: string, versions: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      "--conditions=source",
      "--input-type=module",
      "--eval",
      `
      const { openUpdateLog } = await import(${JSON.stringify(url("./sqlite-update-log.ts"))});
      const { Publisher, randomState } = await import(${JSON.stringify(url("../publisher.fixture.ts"))});
      const { Random } = await import("@everfresh/core");
      const random = new Random(11);
      const publisher = new Publisher(random, randomState(random));
      const log = await openUpdateLog({ file: ${JSON.stringify(path)} });
      for (;;) {
        const { update, bytes } = publisher.next();
        await log.append(update, bytes);
        process.stdout.write(update.toVersion + "\\n");
        if (update.toVersion % 20 === 0) await new Promise(setImmediate);
      }`,
    ],
    { stdio: ["ignore", "pipe", "inherit"], cwd: import.meta.dirname },
  );
  let acknowledged = 0;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line);
    if (acknowledged >= versions) child.kill("SIGKILL");
  }
  await exited;
  return acknowledged;
}

function url(path: string): string {
  return new URL(path, import.meta.url).href;
}
