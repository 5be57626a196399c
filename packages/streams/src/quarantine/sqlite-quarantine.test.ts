import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@everfresh/core";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QuarantineUnreadableError, QuarantineVersionError } from "../errors.ts";
import { openHistory } from "../history/sqlite-history.ts";
import { madeBroken, quarantineConformance } from "./quarantine.conformance.ts";
import { openQuarantine } from "./sqlite-quarantine.ts";

let directory = "";
let files = 0;
const nextFile = (): string => join(directory, `${files++}.sqlite`);
const clock = new ManualClock(5);
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-quarantine-"));
});
afterAll(() => rm(directory, { recursive: true }));

quarantineConformance("SQLite", (options) => openQuarantine({ ...options, file: nextFile() }));

describe("a quarantine in a file", () => {
  it("has its rows again when it is opened again, beside a history", async () => {
    const file = nextFile();
    {
      await using history = await openHistory({ file });
      await using quarantine = await openQuarantine({ file, clock });
      await quarantine.put([madeBroken(1), madeBroken(2)]);
      await quarantine.resolve([1]);
      expect(history.count()).toBe(0);
    }
    await using quarantine = await openQuarantine({ file, clock });
    await quarantine.put([madeBroken(1)]);
    expect((await quarantine.list()).map(({ number }) => number)).toEqual([2]);
  });

  it("refuses what is no database, or a newer one", async () => {
    const odd = nextFile();
    await writeFile(
      odd,
      "no database at all, but long enough to look at its first bytes".repeat(20),
    );
    await expect(openQuarantine({ file: odd, clock })).rejects.toThrow(QuarantineUnreadableError);
    const missing = join(directory, "nowhere", "x.sqlite");
    await expect(openQuarantine({ file: missing, clock })).rejects.toThrow(
      QuarantineUnreadableError,
    );
    const newer = nextFile();
    await (await openQuarantine({ file: newer, clock }))[Symbol.asyncDispose]();
    const database = new Database(newer);
    database.exec("UPDATE quarantine_schema SET version = 2");
    database.close();
    await expect(openQuarantine({ file: newer, clock })).rejects.toThrow(QuarantineVersionError);
  });
});
