import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DriftActionRecord } from "@everfresh/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { exampleDriftStatus, exampleRecord } from "../../drift/drift.fixture.ts";
import { DriftHistory } from "../../drift/drift-history.ts";
import { writeServerAddress } from "../../state/server-address.ts";
import { openStateDirectory } from "../../state/state-directory.ts";
import { runProgram } from "../program.ts";

const ACTION: DriftActionRecord = {
  kind: "window",
  ...{ range: { from: 4_004, to: 4_008 }, filter: null, why: "a drift that is confirmed" },
  versions: { from: 501, to: 502 },
};

let folder = "";
let [out, err] = ["", ""];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-drift-command-"));
  [out, err] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += String(text);
    return true;
  });
  openStateDirectory(folder).writeRecord({
    ...{ model: "small", source: "points", seed: 1, parameters: 9, mode: "weights" },
    ...{ labelLag: null, warmUpSteps: 0, plan: null, processor: null, goal: null },
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

function watched(): void {
  const history = new DriftHistory(openStateDirectory(folder), 10);
  const warning = exampleRecord({ id: 1, verdict: "warning", outcome: "withdrawn" });
  history.take([warning, exampleRecord({ id: 2, outcome: "confirmed", action: ACTION })]);
  history.save(exampleDriftStatus(), 1_700_000_000_000);
}

const everfresh = (...args: readonly string[]): Promise<number> =>
  runProgram(["node", "everfresh", "drift", ...args, "--state", folder]);

describe("everfresh drift", () => {
  it("shows how a stopped run left things, for people and for programs", async () => {
    watched();
    expect(await everfresh("status")).toBe(0);
    expect(out).toContain("small, as of 2023-11-14 22:13:20: warning\nWarning: margin went");
    expect(out).toMatch(/margin +warning +180 samples +3\.9 +3\.3 +4\.3 +1 in 16/);
    expect(out).toMatch(/moves most in\nmargin +class 6 0\.22/);
    expect(out).toMatch(/until it sees a change: up to 16\n.*: 4 times/);
    expect(out).toMatch(/odd +ignored 2, duplicateLabels 1, expired 3, missingFeatures 4/);
    expect(out).toMatch(/error +no data yet/);
    out = "";
    expect(await everfresh("status", "--json")).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ...{ model: "small", live: false, at: "2023-11-14T22:13:20.000Z" },
      status: exampleDriftStatus(),
    });
  });

  it("lists records, or those that follow one", async () => {
    watched();
    expect(await everfresh("history")).toBe(0);
    expect(out).toMatch(/1 +warning +4,032 +4,004 +479 +withdrawn/);
    expect(out).toMatch(/2 +drift +4,032 +4,004 +479 +confirmed +window +margin, errors/);
    out = "";
    expect(await everfresh("history", "--after", "1", "--json")).toBe(0);
    const { records } = JSON.parse(out) as { records: readonly { id: number }[] };
    expect(records.map(({ id }) => id)).toEqual([2]);
  });

  it("explains the newest record, or any: what was seen, and what that led to", async () => {
    watched();
    expect(await everfresh("explain")).toBe(0);
    expect(out).toContain("record 2: Drift: margin went from 0.077 to 0.14");
    expect(out).toMatch(/moved in margin +class 6 0\.22/);
    expect(out).toMatch(/done +window: a drift that is confirmed/);
    expect(out).toMatch(/positions +4,004 to 4,008/);
    expect(out).toMatch(/decided at +version 501\nled to +version 502/);
    out = "";
    expect(await everfresh("explain", "1", "--json")).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ record: { id: 1, outcome: "withdrawn" } });
  });

  it("says so where there is no such record, no watch and no run", async () => {
    expect(await everfresh("status")).toBe(5);
    expect(err).toContain("EF_DRIFT_NOT_WATCHED");
    watched();
    expect(await everfresh("explain", "7", "--json")).toBe(5);
    expect(JSON.parse(out)).toMatchObject({ error: { code: "EF_NO_DRIFT_RECORD" } });
    expect(await runProgram(["node", "everfresh", "drift", "status", "--state", "/nowhere"])).toBe(
      5,
    );
    expect(await everfresh("explain", "x")).toBe(2);
  });

  it("shows what is stored when the run that left its address is gone", async () => {
    watched();
    writeServerAddress(openStateDirectory(folder), "http://127.0.0.1:1/v1/models/small");
    expect(await everfresh("status", "--json")).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ live: false });
  });
});
