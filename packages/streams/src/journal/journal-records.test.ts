import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";
import { afterAll, describe, expect, it } from "vitest";
import { madeSamples } from "../history/history.conformance.ts";
import { openHistory } from "../history/sqlite-history.ts";
import { openJournalRecords } from "./journal-records.ts";

const directory = mkdtempSync(path.join(tmpdir(), "everfresh-journal-"));
let files = 0;
const newFile = (): string => path.join(directory, `journal-${files++}.sqlite`);
afterAll(() => rmSync(directory, { recursive: true }));

const body = (number: number): Uint8Array => Uint8Array.of(number, 0, 255, number);

describe("the records of a journal", () => {
  it("come back in order, those above a number, also when opened again", () => {
    const file = newFile();
    {
      using records = openJournalRecords({ file });
      expect(records.after(0)).toEqual([]);
      for (const number of [5, 6, 9]) records.append(number, body(number));
      expect(records.after(5)).toEqual([6, 9].map((number) => ({ number, body: body(number) })));
    }
    using records = openJournalRecords({ file });
    expect(records.after(-1).map(({ number }) => number)).toEqual([5, 6, 9]);
    expect(records.after(9)).toEqual([]);
  });

  it("are forgotten from either end, and go on after what is left", () => {
    using records = openJournalRecords({ file: newFile() });
    for (let number = 1; number <= 9; number++) records.append(number, body(number));
    records.forgetTo(3);
    records.forgetAfter(6);
    expect(records.after(0).map(({ number }) => number)).toEqual([4, 5, 6]);
    records.append(7, body(70));
    expect(records.after(6)).toEqual([{ number: 7, body: body(70) }]);
    records.forgetTo(100);
    records.append(2, body(2));
    expect(records.after(0)).toEqual([{ number: 2, body: body(2) }]);
  });

  it("refuse a number that does not follow: another process has written", () => {
    const file = newFile();
    using one = openJournalRecords({ file });
    using other = openJournalRecords({ file });
    one.append(4, body(4));
    for (const number of [4, 3]) {
      expect(() => other.append(number, body(1))).toThrow(
        expect.objectContaining({ code: "EF_JOURNAL_WRITE" }),
      );
    }
    expect(one.after(0)).toEqual([{ number: 4, body: body(4) }]);
  });

  it("share their file with the history", async () => {
    const file = newFile();
    await using history = await openHistory({ file });
    using records = openJournalRecords({ file });
    for (let number = 0; number < 20; number++) {
      const stored = history.append(madeSamples(number, number + 1));
      records.append(number, body(number));
      await stored;
    }
    expect(records.after(-1)).toHaveLength(20);
  });

  it("lose nothing that was stored when killed", async () => {
    for (const acknowledgements of [1, 60]) {
      const file = newFile();
      const last = await appendUntilKilled(file, acknowledgements);
      using records = openJournalRecords({ file });
      const numbers = records.after(0).map(({ number }) => number);
      expect(numbers).toEqual(numbers.map((_, i) => i + 1));
      expect(numbers.length).toBeGreaterThanOrEqual(last);
    }
  });

  it("refuse a file that is no database, is of a newer format, or is not to be had", () => {
    const letter = newFile();
    writeFileSync(letter, "a letter to my grandmother, long enough to be read ".repeat(20));
    const newer = newFile();
    openJournalRecords({ file: newer })[Symbol.dispose]();
    const database = new Database(newer);
    database.exec("UPDATE journal_schema SET version = 7");
    database.close();
    const wrong = [
      [letter, "EF_JOURNAL_UNREADABLE"],
      [path.join(directory, "nowhere", "journal.sqlite"), "EF_JOURNAL_UNREADABLE"],
      [newer, "EF_JOURNAL_VERSION"],
    ] as const;
    for (const [file, code] of wrong) {
      expect(() => openJournalRecords({ file })).toThrow(expect.objectContaining({ code }));
    }
  });
});

/** Runs a process that appends records 1, 2, …, and kills it; gives the last it acknowledged. */
async function appendUntilKilled(file: string, acknowledgements: number): Promise<number> {
  const module = JSON.stringify(new URL("./journal-records.ts", import.meta.url));
  const program = `
    import { openJournalRecords } from ${module};
    const records = openJournalRecords({ file: ${JSON.stringify(file)} });
    for (let number = 1; ; number++) {
      records.append(number, new Uint8Array(1_500));
      process.stdout.write(number + "\\n");
    }`;
  const flags = ["--conditions=source", "--input-type=module", "--eval", program];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = new Promise((resolve) => child.once("close", resolve));
  let last = 0;
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (++lines === acknowledgements) child.kill("SIGKILL");
  }
  await closed;
  expect(child.signalCode).toBe("SIGKILL");
  return last;
}
