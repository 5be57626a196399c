import { DeployedState, Random } from "@everfresh/core";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LogCorruptError, LogUnavailableError } from "../errors.ts";
import { stateOfSnapshot } from "../manifest.ts";
import { Publisher, randomState, SMALL_LAYOUT } from "../publisher.fixture.ts";
import { openUpdateLog } from "./sqlite-update-log.ts";
import { rollTo } from "./update-log.ts";
import { openUpdateLogReader } from "./update-log-reader.ts";

let directory = "";
let file = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-reader-"));
  file = join(directory, "model.sqlite");
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("openUpdateLogReader", () => {
  it("follows a writer, in its way of nothing", async () => {
    const publisher = new Publisher(new Random(1), randomState(new Random(1)));
    await using log = await openUpdateLog({ file });
    const { state, version, fingerprint } = publisher.deployed;
    await log.putAnchor({ version, fingerprint, bytes: new Uint8Array(state.buffer).slice() });
    await using reader = await openUpdateLogReader({ file });
    expect(reader.id).toBe(log.id);
    expect(await reader.head()).toEqual({ version, fingerprint });
    const fingerprints = [fingerprint];
    for (let i = 0; i < 300; i++) {
      const { update, bytes } = publisher.next();
      await log.append(update, bytes);
      fingerprints.push(update.fingerprintAfter);
    }
    expect(await reader.head()).toEqual({ version: 300, fingerprint: fingerprints[300] });
    const anchor = (await reader.nearestAnchor(123))!;
    const deployed = new DeployedState(stateOfSnapshot(SMALL_LAYOUT, anchor), anchor.version);
    await rollTo(deployed, reader, 123);
    expect([deployed.version, deployed.fingerprint]).toEqual([123, fingerprints[123]]);
    await rollTo(deployed, reader, 1_000);
    expect(deployed.version).toBe(300);
  });

  it("reads a log that nobody writes to, and leaves its bytes as they are", async () => {
    const publisher = new Publisher(new Random(2));
    {
      await using log = await openUpdateLog({ file });
      const { update, bytes } = publisher.next();
      await log.append(update, bytes);
    }
    const before = await readFile(file);
    {
      await using reader = await openUpdateLogReader({ file });
      expect((await reader.head())?.version).toBe(1);
    }
    expect(await readFile(file)).toEqual(before);
    await (await openUpdateLog({ file }))[Symbol.asyncDispose]();
  });

  it("makes no file where there is none", async () => {
    await expect(openUpdateLogReader({ file })).rejects.toThrow(LogUnavailableError);
    expect(await readdir(directory)).toEqual([]);
  });

  it("refuses a file that is no database", async () => {
    await writeFile(file, "these are not the bytes of a database".repeat(100));
    await expect(openUpdateLogReader({ file })).rejects.toThrow(LogCorruptError);
  });

  it("says so when it is used after it was closed", async () => {
    await (await openUpdateLog({ file }))[Symbol.asyncDispose]();
    const reader = await openUpdateLogReader({ file });
    await reader[Symbol.asyncDispose]();
    await expect(reader.head()).rejects.toThrow(LogUnavailableError);
  });
});
