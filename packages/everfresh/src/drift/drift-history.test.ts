import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exampleDriftStatus, exampleRecord } from "./drift.fixture.ts";
import { DriftHistory, pageOf, readStored } from "./drift-history.ts";

let folder = "";
let driftFile = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-drift-"));
  driftFile = path.join(folder, "drift.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const historyOf = (recordsMax = 10): DriftHistory => new DriftHistory({ driftFile }, recordsMax);
const numbered = (...ids: readonly number[]) => ids.map((id) => exampleRecord({ id }));

describe("the history of drift", () => {
  it("is there again after a restart, with the status of its last moment", () => {
    const history = historyOf();
    expect(history.take(numbered(1, 2)).map(({ before }) => before)).toEqual([null, null]);
    history.save(exampleDriftStatus(), 1_000);
    const again = historyOf();
    expect(again.records).toEqual(numbered(1, 2));
    expect(again.newest).toBe(2);
    expect(readStored(driftFile)).toMatchObject({
      savedAtMs: 1_000,
      status: exampleDriftStatus(),
    });
  });

  it("tells what is new or has changed, and nothing twice", () => {
    const history = historyOf();
    history.take(numbered(1));
    expect(history.take(numbered(1))).toEqual([]);
    const outcomeAt = { sequence: 5_000, eventTimeMs: null };
    const confirmed = exampleRecord({ outcome: "confirmed", outcomeAt });
    expect(history.take([confirmed])).toEqual([{ record: confirmed, before: exampleRecord() }]);
    // A process that was killed and started anew says again what it had said.
    expect(history.take(numbered(1))).toEqual([]);
    expect(history.records).toEqual([confirmed]);
  });

  it("remembers the version that an action has led to, whoever says it", () => {
    const history = historyOf();
    const action = {
      kind: "rollBack",
      ...{ range: { from: 0, to: 9 }, filter: null, why: "drift" },
      versions: { from: 7, to: null },
    } as const;
    history.take([exampleRecord({ action })]);
    history.led(1, 9);
    expect(history.records[0]?.action?.versions).toEqual({ from: 7, to: 9 });
    expect(history.take([exampleRecord({ action })])).toEqual([]);
    // Another action about the same record has led to nothing yet.
    const other = { ...action, versions: { from: 12, to: null } };
    history.take([exampleRecord({ action: other })]);
    expect(history.records[0]?.action?.versions).toEqual({ from: 12, to: null });
  });

  it("keeps the newest records", () => {
    const history = historyOf(3);
    history.take(numbered(1, 2));
    history.take(numbered(1, 2, 3, 4, 5));
    expect(history.records.map(({ id }) => id)).toEqual([3, 4, 5]);
  });

  it("refuses a file that holds something else, and names it", () => {
    writeFileSync(driftFile, '{"format":2}');
    expect(historyOf).toThrow(/drift\.json does not say what was seen of drift/);
    writeFileSync(driftFile, "{");
    expect(historyOf).toThrow(/move it away/);
  });

  it("is one JSON document, written as a whole", () => {
    const history = historyOf();
    history.take(numbered(1));
    history.save(exampleDriftStatus(), 1);
    expect(JSON.parse(readFileSync(driftFile, "utf8"))).toMatchObject({ format: 1 });
  });
});

describe("a page of records", () => {
  const records = numbered(...Array.from({ length: 250 }, (_, i) => i + 1));
  const idsOf = (after: number | null) => pageOf(records, after).records.map(({ id }) => id);

  it("has the newest hundred, or the hundred after a number", () => {
    expect([idsOf(null)[0], idsOf(null).at(-1)]).toEqual([151, 250]);
    expect([idsOf(0)[0], idsOf(0).at(-1)]).toEqual([1, 100]);
    expect([idsOf(249), idsOf(250)]).toEqual([[250], []]);
  });

  it("says whether more follow: all are read by asking for those after the last", () => {
    const read: number[] = [];
    for (let page = pageOf(records, 0); ; page = pageOf(records, read.at(-1) ?? 0)) {
      read.push(...page.records.map(({ id }) => id));
      if (!page.more) break;
    }
    expect(read).toEqual(records.map(({ id }) => id));
  });
});
