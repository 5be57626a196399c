import { DeployedState, ManualClock, Random } from "@everfresh/core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { VersionNotKeptError } from "../errors.ts";
import { stateOfSnapshot } from "../manifest.ts";
import { Publisher, randomState, SMALL_LAYOUT } from "../publisher.fixture.ts";
import { appendVersions, type Recorded, recorded, snapshotOf } from "./log.fixture.ts";
import { UNDO_VERSIONS } from "./log-statements.ts";
import { openUpdateLog, type UpdateLogOptions } from "./sqlite-update-log.ts";
import { stateAt } from "./state-at.ts";
import type { UpdateLog } from "./update-log.ts";
import { openUpdateLogReader } from "./update-log-reader.ts";

const LAYOUT = SMALL_LAYOUT;
const DAY_MS = 86_400_000;

let directory = "";
let file = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-reconstruction-"));
  file = join(directory, "model.sqlite");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

interface World {
  readonly log: UpdateLog;
  readonly publisher: Publisher;
  readonly states: Map<number, Recorded>;
}

async function world(options: Omit<UpdateLogOptions, "file">, versions: number): Promise<World> {
  const log = await openUpdateLog({ file, ...options });
  const publisher = new Publisher(new Random(5), randomState(new Random(6)));
  await log.putAnchor(snapshotOf(publisher.deployed));
  const states = new Map([[0, recorded(publisher.deployed)]]);
  await appendVersions(log, publisher, versions, states);
  return { log, publisher, states };
}

async function expectAll(log: UpdateLog, states: ReadonlyMap<number, Recorded>): Promise<number> {
  const oldest = (await log.oldest())!;
  const head = log.head()!.version;
  for (let version = oldest; version <= head; version++) {
    const state = await stateAt(log, { layout: LAYOUT, version });
    expect([version, recorded(state)]).toEqual([version, states.get(version)]);
  }
  return oldest;
}

describe("a log", () => {
  it("gives back every version, bit for bit, from its anchors", async () => {
    const { log, states } = await world(
      { anchors: { everyVersions: 40, outweighedBy: 1_000 } },
      150,
    );
    expect(await expectAll(log, states)).toBe(0);
    const anchors = (await log.entries({ limit: 200 })).filter((entry) => entry.anchorBytes);
    expect(anchors.map(({ version }) => version)).toEqual([120, 80, 40, 0]);
    await log[Symbol.asyncDispose]();
  });

  it("stores an anchor once the updates since the last one outweigh it", async () => {
    const { log } = await world({}, 120);
    const entries = await log.entries({ limit: 200 });
    const anchorBytes = entries.at(-1)!.anchorBytes!;
    let bytes = 0;
    let anchors = 0;
    for (const entry of [...entries].reverse().slice(1)) {
      bytes += entry.bytes!;
      expect(bytes - entry.bytes!).toBeLessThan(anchorBytes);
      if (entry.anchorBytes === null) continue;
      expect(bytes).toBeGreaterThanOrEqual(anchorBytes);
      bytes = 0;
      anchors++;
    }
    expect(anchors).toBeGreaterThan(3);
    await log[Symbol.asyncDispose]();
  });

  it("goes backward by undo records to the newest versions, to the same bits", async () => {
    const { log, publisher, states } = await world(
      { anchors: { everyVersions: 1_000, outweighedBy: 1_000 } },
      300,
    );
    let asked = 0;
    const source = {
      id: log.id,
      head: () => log.head(),
      range: log.range.bind(log),
      undoRecords: log.undoRecords.bind(log),
      oldest: log.oldest.bind(log),
      generation: log.generation.bind(log),
      entries: log.entries.bind(log),
      rollbacks: log.rollbacks.bind(log),
      nearestAnchor: (version: number) => {
        asked++;
        return log.nearestAnchor(version);
      },
    };
    for (const back of [1, 2, 17, 200, UNDO_VERSIONS]) {
      const version = 300 - back;
      const near = new DeployedState(stateOfSnapshot(LAYOUT, snapshotOf(publisher.deployed)), 300);
      const state = await stateAt(source, { layout: LAYOUT, version, near });
      expect([version, recorded(state)]).toEqual([version, states.get(version)]);
    }
    expect(asked).toBe(0);
    const near = new DeployedState(stateOfSnapshot(LAYOUT, snapshotOf(publisher.deployed)), 300);
    const far = await stateAt(source, { layout: LAYOUT, version: 10, near });
    expect(recorded(far)).toEqual(states.get(10));
    expect(asked).toBe(1);
    await log[Symbol.asyncDispose]();
  });

  it("keeps undo records for the newest versions only", async () => {
    const { log } = await world({}, UNDO_VERSIONS + 20);
    expect(await log.undoRecords(20, 30)).toBeNull();
    expect(await log.undoRecords(21, UNDO_VERSIONS + 20)).toHaveLength(UNDO_VERSIONS);
    await log[Symbol.asyncDispose]();
  });

  it("deletes nothing unless it is told to", async () => {
    const { log, states } = await world({ anchors: { everyVersions: 20 } }, 100);
    expect(await log.compact({ keep: 100 })).toBe(0);
    expect(await expectAll(log, states)).toBe(0);
    await log[Symbol.asyncDispose]();
  });

  it.each([
    ["versions", { versions: 50 }, 250],
    ["fewer versions than from the restart on", { versions: 1 }, 270],
    ["both limits, the stricter", { versions: 100, bytes: 6_000 }, null],
  ] as const)("keeps what retention says of %s, whole", async (_what, retention, oldest) => {
    const anchors = { everyVersions: 10, outweighedBy: 1_000 };
    const { log, publisher, states } = await world({ anchors, retention }, 299);
    expect(await log.compact({ keep: 277 })).toBeGreaterThan(0);
    const kept = await expectAll(log, states);
    if (oldest !== null) expect(kept).toBe(oldest);
    else expect(kept).toBeGreaterThan(200);
    await appendVersions(log, publisher, 30, states);
    await log.compact({ keep: 310 });
    expect(await expectAll(log, states)).toBeGreaterThan(kept);
    const listed = await log.entries({ limit: 1_000 });
    expect(listed.at(-1)!.version).toBe(await log.oldest());
    expect(listed).toHaveLength(329 - listed.at(-1)!.version + 1);
    await log[Symbol.asyncDispose]();
  });

  it("keeps what was the newest version within the last days", async () => {
    const clock = new ManualClock();
    const options = {
      anchors: { everyVersions: 5, outweighedBy: 1_000 },
      retention: { days: 2 },
      clock,
    };
    const { log, publisher, states } = await world(options, 20);
    clock.advance(DAY_MS);
    await appendVersions(log, publisher, 20, states);
    clock.advance(1.5 * DAY_MS);
    await appendVersions(log, publisher, 1, states);
    await log.compact({ keep: 41 });
    // Anchors are stored when the version after them comes: that of 20, a day later.
    expect(await expectAll(log, states)).toBe(15);
    await log[Symbol.asyncDispose]();
  });

  it("names the nearest version that it keeps when asked for one that it does not", async () => {
    const retention = { versions: 20 };
    const { log } = await world(
      { anchors: { everyVersions: 10, outweighedBy: 1_000 }, retention },
      100,
    );
    await log.compact({ keep: 100 });
    await log[Symbol.asyncDispose]();
    await using reader = await openUpdateLogReader({ file });
    const asked = (version: number) => stateAt(reader, { layout: LAYOUT, version });
    await expect(asked(12)).rejects.toThrow(VersionNotKeptError);
    await expect(asked(12)).rejects.toMatchObject({ nearest: 80 });
    await expect(asked(101)).rejects.toMatchObject({ nearest: 100 });
    const range = reader.range(12, 100)[Symbol.asyncIterator]();
    await expect(range.next()).rejects.toThrow(/nearest is 80/);
  });
});
