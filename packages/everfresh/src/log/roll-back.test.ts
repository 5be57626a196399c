import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { durableJournal, memoryJournal } from "@everfresh/learn";
import { openJournalRecords } from "@everfresh/streams";
import { openUpdateLog, openUpdateLogReader, type UpdateLog } from "@everfresh/sync/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStores } from "../run/open-stores.ts";
import { Resources } from "../run/resources.ts";
import { checkpointFile } from "../state/checkpoint-file.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { deployedHead } from "./deployed-head.ts";
import { rollBack } from "./roll-back.ts";
import { rollBackStopped } from "./roll-back-stopped.ts";
import { SMALL_MODEL, writeSmallRun } from "./small-run.fixture.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-rollback-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const checkpointIn = ({ checkpointFile: file }: StateDirectory) => checkpointFile(file).latest();

describe("a rollback", () => {
  it("is a new version with the old state, from which training goes on without a residual", async () => {
    const { directory, fingerprints } = await writeSmallRun(folder, {
      versions: 12,
      checkpointAt: 12,
    });
    const report = await rollBackStopped(directory, { version: 5, excludeSince: false });
    const fingerprint = fingerprints[5];
    expect(report).toMatchObject({ version: 13, rolledBackTo: 5, fingerprint, optimizer: "reset" });
    expect(report.excluded).toBeNull();
    const checkpoint = (await checkpointIn(directory))!;
    expect(checkpoint).toMatchObject({ version: 13, fingerprint, step: 12, samples: 96 });
    expect(checkpoint.training.state).toEqual(checkpoint.deployed);
    expect(checkpoint.training.optimizer).toHaveLength(0);
    await using log = await openUpdateLogReader({ file: directory.databaseFile });
    const [entry] = await log.entries({ limit: 1 });
    expect(entry).toMatchObject({ version: 13, eventTimeMs: 5_000, lineage: { step: 12 } });
    expect(entry?.rollback).toMatchObject({ toVersion: 5, excluded: null, optimizerReset: true });
  });

  it("keeps the optimizer of a checkpoint of the very version", async () => {
    const run = { versions: 12, checkpointAt: 9 };
    const { directory } = await writeSmallRun(folder, run);
    const report = await rollBackStopped(directory, { version: 9, excludeSince: false });
    expect(report.optimizer).toBe("kept");
    const { training, deployed } = (await checkpointIn(directory))!;
    expect([...training.optimizer]).toEqual([1, 2, 3]);
    expect(training.state).toEqual(deployed);
  });

  it("goes by the log where that is ahead of the checkpoint", async () => {
    const { directory } = await writeSmallRun(folder, { versions: 12, checkpointAt: 4 });
    const report = await rollBackStopped(directory, { version: 6, excludeSince: true });
    expect(report.excluded).toEqual({ from: 48, to: 96 });
    expect(await checkpointIn(directory)).toMatchObject({
      step: 12,
      samples: 96,
      tested: 96,
      strategy: {
        checkpoint: { past: 96, samples: 96, random: { seed: 1, stream: 2, drawn: 1_200 } },
      },
    });
  });

  it("goes on with the strategy as the journal has it after the last step of the log", async () => {
    const { directory } = await writeSmallRun(folder, { versions: 12, checkpointAt: 4 });
    const { strategy } = (await checkpointIn(directory))!;
    using records = openJournalRecords({ file: directory.databaseFile });
    const journal = durableJournal(records);
    for (const step of [11, 12, 13]) {
      const past = 8 * step;
      const taken = { past: past - 8, skipped: 0, fresh: 8, why: "8 of 8 new samples wait" };
      await journal.append({
        ...{ step, version: step - 1, nowMs: 5, tested: past, testedBefore: past - 8 },
        iteration: { kind: "step", ...taken, positions: [1, 2] },
        strategy: {
          ...strategy,
          checkpoint: {
            ...strategy.checkpoint,
            ...{ past, samples: past + 3, iterations: step, isRunning: true },
            ...{ sampler: Uint8Array.of(step), random: { seed: 1, stream: 2, drawn: 100 * step } },
          },
        },
      });
    }
    await rollBackStopped(directory, { version: 6, excludeSince: false });
    expect(await checkpointIn(directory)).toMatchObject({
      step: 12,
      samples: 96,
      strategy: {
        checkpoint: {
          ...{ past: 96, samples: 99, iterations: 12, isRunning: false },
          ...{ sampler: Uint8Array.of(12), random: { drawn: 1_200 } },
        },
      },
    });
  });

  it("can be made again, to any version, also one from before an earlier rollback", async () => {
    const { directory, fingerprints } = await writeSmallRun(folder, {
      versions: 6,
      checkpointAt: 6,
    });
    for (const [version, expected] of [
      [2, 2],
      [6, 6],
      [0, 0],
      [7, 2],
      [10, 2],
    ] as const) {
      const report = await rollBackStopped(directory, { version, excludeSince: true });
      expect(report.fingerprint).toBe(fingerprints[expected]);
    }
    await using log = await openUpdateLogReader({ file: directory.databaseFile });
    const excluded = (await log.rollbacks()).map((entry) => entry.excluded);
    expect(excluded).toEqual([{ from: 16, to: 48 }, null, { from: 0, to: 48 }, null, null]);
  });

  it("is refused for a version that is not kept, and changes nothing", async () => {
    const { directory } = await writeSmallRun(folder, { versions: 6, checkpointAt: 6 });
    await expect(
      rollBackStopped(directory, { version: 7, excludeSince: false }),
    ).rejects.toMatchObject({ code: "EF_VERSION_NOT_KEPT", nearest: 6 });
    expect(await checkpointIn(directory)).toMatchObject({ version: 6 });
  });

  it("is refused while somebody works in the directory", async () => {
    const { directory } = await writeSmallRun(folder, { versions: 3, checkpointAt: 3 });
    await using log = await openUpdateLog({ file: directory.databaseFile });
    await expect(
      rollBackStopped(directory, { version: 1, excludeSince: false }),
    ).rejects.toMatchObject({ code: "EF_LOG_LOCKED" });
    expect(log.head()?.version).toBe(3);
  });
});

describe("a rollback whose process ends", () => {
  /** Makes a rollback to version 5 until `append` fails, as a killed process leaves it. */
  async function interrupted(
    append: (log: UpdateLog, ...args: Parameters<UpdateLog["append"]>) => Promise<void>,
  ): Promise<StateDirectory> {
    const { directory } = await writeSmallRun(folder, { versions: 12, checkpointAt: 10 });
    await using log = await openUpdateLog({ file: directory.databaseFile });
    const current = (await checkpointIn(directory))!;
    const deployed = await deployedHead(log, SMALL_MODEL.state.layout, current);
    const failing = new Proxy(log, {
      get: (target, key) => {
        if (key === "append") {
          return (...args: Parameters<UpdateLog["append"]>) => append(target, ...args);
        }
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const site = { directory, log: failing, deployed, current, journal: memoryJournal() };
    const request = { version: 5, excludeSince: true };
    await expect(rollBack(site, request)).rejects.toThrow("killed");
    expect(existsSync(directory.nextCheckpointFile)).toBe(true);
    return directory;
  }

  async function found(directory: StateDirectory) {
    const resources = new Resources();
    try {
      const { checkpoint, loggedVersion, log } = await openStores(directory, resources);
      expect(existsSync(directory.nextCheckpointFile)).toBe(false);
      const rollbacks = await log.rollbacks();
      return { checkpoint: checkpoint?.version, loggedVersion, rollbacks: rollbacks.length };
    } finally {
      await resources.close();
    }
  }

  it("before the log has it, has not happened", async () => {
    const directory = await interrupted(() => Promise.reject(new Error("killed")));
    expect(await found(directory)).toEqual({ checkpoint: 10, loggedVersion: 12, rollbacks: 0 });
  });

  it("as soon as the log has it, has happened", async () => {
    const directory = await interrupted(async (log, ...args) => {
      await log.append(...args);
      throw new Error("killed");
    });
    expect(await found(directory)).toEqual({ checkpoint: 13, loggedVersion: 13, rollbacks: 1 });
    expect(await found(directory)).toEqual({ checkpoint: 13, loggedVersion: 13, rollbacks: 1 });
  });

  it("and that never happened, does not come back when another version takes its number", async () => {
    const directory = await interrupted(() => Promise.reject(new Error("killed")));
    await rollBackStopped(directory, { version: 2, excludeSince: false });
    expect(await found(directory)).toEqual({ checkpoint: 13, loggedVersion: 13, rollbacks: 1 });
  });
});
