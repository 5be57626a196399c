import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openUpdateLog } from "@everfresh/sync/node";
import { afterEach, beforeEach, expect, it } from "vitest";
import { rollBackStopped } from "../log/roll-back-stopped.ts";
import { writeSmallRun } from "../log/small-run.fixture.ts";
import { versionBefore } from "./open-drift.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-open-drift-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a rollback because of drift goes to the last version that had learned nothing after it", async () => {
  const { directory } = await writeSmallRun(folder, { versions: 9, checkpointAt: 9 });
  {
    await using log = await openUpdateLog({ file: directory.databaseFile });
    // Version n has learned from 8 n samples.
    expect(await versionBefore(log, 40, 9)).toBe(5);
    expect(await versionBefore(log, 47, 9)).toBe(5);
    expect(await versionBefore(log, 1_000, 9)).toBe(9);
    expect(await versionBefore(log, 3, 9)).toBeNull();
  }
  await rollBackStopped(directory, { version: 5, excludeSince: false });
  await using log = await openUpdateLog({ file: directory.databaseFile });
  // A process that does again what was done before does not roll back a second time.
  expect(await versionBefore(log, 40, 9)).toBeNull();
  expect(await versionBefore(log, 40, 10)).not.toBeNull();
});
