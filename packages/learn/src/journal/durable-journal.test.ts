import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openJournalRecords } from "@everfresh/streams";
import { afterAll, describe, expect, it } from "vitest";
import { durableJournal } from "./durable-journal.ts";
import { journalConformance, madeEntry } from "./journal.conformance.ts";

const directory = mkdtempSync(path.join(tmpdir(), "everfresh-journal-"));
const opened: Disposable[] = [];
let files = 0;
const newFile = (): string => path.join(directory, `journal-${files++}.sqlite`);
afterAll(() => {
  for (const records of opened) records[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

journalConformance("the durable journal", () => {
  const records = openJournalRecords({ file: newFile() });
  opened.push(records);
  return durableJournal(records);
});

describe("the durable journal", () => {
  it("has everything when opened again", async () => {
    const file = newFile();
    {
      using records = openJournalRecords({ file });
      await durableJournal(records).append(madeEntry(5));
    }
    using records = openJournalRecords({ file });
    expect(await durableJournal(records).after(4)).toStrictEqual([madeEntry(5)]);
  });
});
