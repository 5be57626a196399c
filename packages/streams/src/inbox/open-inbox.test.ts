import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, type Sample } from "@everfresh/core";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import { DIRTY_NOW_MS, DIRTY_SCHEMA, rightRow } from "../sources/dirty-rows.fixture.ts";
import type { Inbox, InboxItem } from "./inbox.ts";
import { openInbox } from "./open-inbox.ts";

const clock = new ManualClock(DIRTY_NOW_MS);
const BATCH = 7;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-inbox-"));
});
afterAll(() => rm(directory, { recursive: true }));

const open = (file: string): Promise<Inbox> =>
  openInbox({
    ...{ file, name: "rows", schema: DIRTY_SCHEMA, clock },
    quarantine: memoryQuarantine({ clock }),
  });

/** Takes batches, one after another, and says after each how many samples it has. */
const WRITER = `
  import { memoryQuarantine } from ${JSON.stringify(import.meta.resolve("../quarantine/memory-quarantine.ts"))};
  import { DIRTY_SCHEMA, rightRow } from ${JSON.stringify(import.meta.resolve("../sources/dirty-rows.fixture.ts"))};
  import { openInbox } from ${JSON.stringify(import.meta.resolve("./open-inbox.ts"))};
  const clock = { nowMs: () => ${DIRTY_NOW_MS} };
  const inbox = await openInbox({
    file: process.argv[1], name: "rows", schema: DIRTY_SCHEMA, clock,
    quarantine: memoryQuarantine({ clock }),
  });
  for (let from = inbox.counts().count; ; from += ${BATCH}) {
    const items = Array.from({ length: ${BATCH} }, (_, i) => ({
      kind: "sample", row: rightRow(from + i), origin: "log " + (from + i), id: null, eventTimeMs: 0,
    }));
    const { count } = await inbox.take(items, String(from + ${BATCH}));
    process.stdout.write(count + "\\n");
  }
`;

async function takeUntilKilled(file: string, acknowledgements: number): Promise<number> {
  const options = ["--conditions=source", "--input-type=module", "-e", WRITER, file];
  const child = spawn(process.execPath, options, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (said.split("\n").length > acknowledgements) child.kill("SIGKILL");
  });
  await once(child, "close");
  return Number(said.split("\n").at(-2));
}

describe("an inbox", () => {
  it("loses nothing that it acknowledged, when killed, and knows how far its origin was read", async () => {
    const file = join(directory, "killed.sqlite");
    for (const acknowledgements of [1, 20]) {
      const acknowledged = await takeUntilKilled(file, acknowledgements);
      await using inbox = await open(file);
      const { count } = inbox.counts();
      expect(acknowledged).toBeGreaterThanOrEqual(acknowledgements * BATCH);
      expect(count).toBeGreaterThanOrEqual(acknowledged);
      expect(count % BATCH).toBe(0);
      expect(inbox.cursor()).toBe(String(count));
      const samples: Sample[] = [];
      for await (const sample of inbox.read()) if (samples.push(sample) === count) break;
      expect(samples.map(({ id }) => id)).toEqual(samples.map((_, i) => `key-${i}`));
      expect(await inbox.origin(count - 1)).toBe(`log ${count - 1}`);
    }
  });

  it("refuses what is no database, or a newer one", async () => {
    const odd = join(directory, "odd.sqlite");
    await writeFile(odd, "no database at all, but long enough to look at".repeat(20));
    await expect(open(odd)).rejects.toMatchObject({ code: "EF_INBOX_UNREADABLE" });
    const missing = join(directory, "nowhere", "x.sqlite");
    await expect(open(missing)).rejects.toMatchObject({ code: "EF_INBOX_UNREADABLE" });
    const newer = join(directory, "newer.sqlite");
    await (await open(newer))[Symbol.asyncDispose]();
    const database = new Database(newer);
    database.exec("UPDATE inbox_state SET version = 3");
    database.close();
    await expect(open(newer)).rejects.toMatchObject({ code: "EF_INBOX_VERSION" });
  });

  it("takes over one that an older version has written", async () => {
    const file = join(directory, "older.sqlite");
    const row = (i: number): InboxItem => ({
      ...{ kind: "sample", row: rightRow(i), origin: "", id: null, eventTimeMs: 0 },
    });
    {
      await using inbox = await open(file);
      await inbox.take([row(0)]);
    }
    const database = new Database(file);
    database.exec("UPDATE inbox_state SET version = 1; DROP TABLE inbox_arrival");
    const { state } = database.prepare("SELECT state FROM inbox_state").get() as { state: string };
    const older = JSON.parse(state) as Record<string, unknown>;
    delete older["follows"];
    database.prepare("UPDATE inbox_state SET state = ?").run(JSON.stringify(older));
    database.close();
    await using inbox = await open(file);
    expect(await inbox.take([row(0), row(1)])).toMatchObject({ duplicates: 1, count: 2 });
  });

  it("stores nothing of a batch that cannot be written", async () => {
    const file = join(directory, "locked.sqlite");
    await using inbox = await open(file);
    const other = new Database(file);
    other.exec("INSERT INTO inbox_sample VALUES (0, 'x', 0, 'uint8', x'', 0, '')");
    other.close();
    const row = { key: "k", at: 1, age: 1, job: "j", y: "no" };
    const item = { kind: "sample", row, origin: "a", id: null, eventTimeMs: 0 } as const;
    await expect(inbox.take([item], "1")).rejects.toMatchObject({ code: "EF_INBOX_WRITE" });
    expect([inbox.counts().count, inbox.cursor()]).toEqual([0, null]);
  });
});
