/** Ends a log's process at every statement that it makes, and looks at what the next one finds. */
import { Random } from "@everfresh/core";
import Database from "better-sqlite3";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { encodeUpdate } from "../codec/update-codec.ts";
import { Publisher, randomState, SMALL_LAYOUT, smallManifest } from "../publisher.fixture.ts";
import { appendVersions, type Recorded, recorded, snapshotOf } from "./log.fixture.ts";
import { openUpdateLog, type UpdateLogOptions } from "./sqlite-update-log.ts";
import { stateAt } from "./state-at.ts";
import { losslessChange, undoRecordOf } from "./undo-record.ts";
import type { UpdateLog } from "./update-log.ts";

const OPTIONS = {
  anchors: { everyVersions: 4, outweighedBy: 1_000 },
  retention: { versions: 6 },
} as const;

class Crash extends Error {}

/** A database whose process ends when it is about to run statement `at` of those that write. */
function mortal(at: number): NonNullable<UpdateLogOptions["connect"]> {
  let count = 0;
  const guard = <T>(run: () => T): T => {
    if (count++ >= at) throw new Crash();
    return run();
  };
  return (file) => {
    const connection = new Database(file);
    const prepare = connection.prepare.bind(connection);
    connection.prepare = ((sql: string) => {
      const statement = prepare(sql);
      if (statement.readonly) return statement;
      const run = statement.run.bind(statement);
      statement.run = (...values: unknown[]) => guard(() => run(...values));
      return statement;
    }) as typeof prepare;
    return connection;
  };
}

/** What a process had acknowledged when it ended. */
interface Acknowledged {
  version: number;
  generation: number;
}

/** A life of a log: appends, a rollback, compactions and a second generation. */
async function live(log: UpdateLog, states: Map<number, Recorded>, done: Acknowledged) {
  const publisher = new Publisher(new Random(8), randomState(new Random(9)));
  const manifest = smallManifest();
  await log.openGeneration(manifest, snapshotOf(publisher.deployed));
  states.set(0, recorded(publisher.deployed));
  done.generation = 1;
  const append = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await appendVersions(log, publisher, 1, states);
      done.version = log.head()!.version;
    }
  };
  await append(9);
  await rollBack(log, publisher, 7, states);
  done.version = 10;
  await append(5);
  await log.compact({ keep: 14 });
  await append(5);
  await log.compact({ keep: 20 });
  const next = randomState(new Random(10), 21);
  states.set(21, recorded(next));
  await log.openGeneration({ ...manifest, graph: Uint8Array.of(9) }, snapshotOf(next));
  [done.version, done.generation] = [21, 2];
  const second = new Publisher(new Random(11), next);
  for (let i = 0; i < 5; i++) {
    await appendVersions(log, second, 1, states);
    done.version = log.head()!.version;
  }
  await log.compact({ keep: 26 });
}

async function rollBack(
  log: UpdateLog,
  { deployed }: Publisher,
  version: number,
  states: Map<number, Recorded>,
): Promise<void> {
  const target = await stateAt(log, { layout: SMALL_LAYOUT, version });
  const change = losslessChange(deployed, target.state);
  const update = deployed.updateFor(change);
  const undo = undoRecordOf(deployed.state, update);
  const rollback = { toVersion: version, excluded: { from: 56, to: 72 }, optimizerReset: true };
  states.set(update.toVersion, { ...recorded(target) });
  await log.append(update, encodeUpdate(update, { layout: SMALL_LAYOUT }), { undo, rollback });
  deployed.apply(update);
}

describe("a log whose process ends at any statement", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "everfresh-crash-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it("is whole, has all that was acknowledged, and finishes what was begun", async () => {
    let ended = true;
    for (let at = 0; ended; at++) {
      const file = join(directory, `${at}.sqlite`);
      const states = new Map<number, Recorded>();
      const done: Acknowledged = { version: 0, generation: 0 };
      ended = await dies({ file, ...OPTIONS, connect: mortal(at) }, states, done);
      await expectWhole(file, states, done);
      expect(at).toBeLessThan(200);
    }
  }, 30_000);
});

async function dies(
  options: UpdateLogOptions,
  states: Map<number, Recorded>,
  done: Acknowledged,
): Promise<boolean> {
  let log: UpdateLog | null = null;
  try {
    log = await openUpdateLog(options);
    await live(log, states, done);
    return false;
  } catch (error) {
    if (error instanceof Crash || (error as Error).cause instanceof Crash) return true;
    throw error;
  } finally {
    await log?.[Symbol.asyncDispose]();
  }
}

async function expectWhole(
  file: string,
  states: ReadonlyMap<number, Recorded>,
  { version, generation }: Acknowledged,
): Promise<void> {
  await using log = await openUpdateLog({ file, ...OPTIONS });
  const head = log.head()?.version ?? 0;
  expect(head).toBeGreaterThanOrEqual(version);
  expect(head).toBeLessThanOrEqual(version + 1);
  expect((await log.generation())?.number ?? 0).toBeGreaterThanOrEqual(generation);
  const check = async (): Promise<void> => {
    const oldest = (await log.oldest()) ?? 1;
    for (let at = oldest; at <= (log.head()?.version ?? 0); at++) {
      const state = await stateAt(log, { layout: SMALL_LAYOUT, version: at });
      expect([at, recorded(state)]).toEqual([at, states.get(at)]);
    }
  };
  await check();
  const isRolledBack = head >= 10;
  expect((await log.rollbacks()).map((entry) => entry.version)).toEqual(isRolledBack ? [10] : []);
  // The compaction that was interrupted is done now.
  await log.compact({ keep: head });
  await check();
  const oldest = (await log.oldest()) ?? 0;
  expect(head - oldest).toBeLessThan(6 + 4);
  const listed = await log.entries({ limit: 100 });
  if (generation > 0) expect(listed).toHaveLength(head - oldest + 1);
}
