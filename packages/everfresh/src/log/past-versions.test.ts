import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openUpdateLog } from "@everfresh/sync/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pastVersions } from "./past-versions.ts";
import { writeSmallRun } from "./small-run.fixture.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-past-versions-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("past versions that are asked together", () => {
  it("are as far apart as the newer half of the log allows, the same ones whatever came later", async () => {
    const { directory } = await writeSmallRun(folder, { versions: 45, checkpointAt: 45 });
    await using log = await openUpdateLog({ file: directory.databaseFile });
    const generation = await log.generation();
    const layout = generation?.manifest.layout;
    if (layout === undefined) throw new Error("there is a run");
    const past = pastVersions(log, { layout, firstVersion: 0, members: 3 });
    expect(await past.versions(40)).toEqual([40, 30, 20]);
    expect(await past.versions(45)).toEqual([45, 34, 23]);
    // Nearer ones have nothing to disagree about.
    expect(await past.versions(39)).toEqual([]);
    const two = pastVersions(log, { layout, firstVersion: 0, members: 2 });
    expect(await two.versions(20)).toEqual([20, 10]);
  });

  it("have the states that were deployed, and none where the log does not keep them", async () => {
    const { directory } = await writeSmallRun(folder, { versions: 9, checkpointAt: 9 });
    await using log = await openUpdateLog({ file: directory.databaseFile });
    const layout = (await log.generation())?.manifest.layout;
    if (layout === undefined) throw new Error("there is a run");
    const past = pastVersions(log, { layout, firstVersion: 0, members: 4 });
    const [fourth, fifth] = [await past.stateAt(4), await past.stateAt(5)];
    expect(fourth?.layout).toEqual(layout);
    expect(fourth?.parameters).not.toEqual(fifth?.parameters);
    expect(await past.stateAt(10)).toBeNull();
  });
});
