import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { rollBackStopped } from "../../log/roll-back-stopped.ts";
import { SMALL_MODEL, writeSmallRun } from "../../log/small-run.fixture.ts";
import { openStateDirectory } from "../../state/state-directory.ts";
import { runProgram } from "../program.ts";

let folder = "";
let out = "";
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-log-command-"));
  out = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const { directory } = await writeSmallRun(folder, { versions: 9, checkpointAt: 9 });
  await rollBackStopped(directory, { version: 4, excludeSince: true });
  openStateDirectory(folder).writeRecord({
    model: "small",
    source: "points",
    seed: 1,
    parameters: SMALL_MODEL.state.layout.parameterCount,
    mode: "weights",
    labelLag: null,
    warmUpSteps: 300,
    plan: null,
    processor: null,
    goal: null,
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const everfresh = (...args: readonly string[]): Promise<number> =>
  runProgram(["node", "everfresh", ...args, "--state", folder]);

describe("everfresh log", () => {
  it("lists the newest versions with what is special about them", async () => {
    expect(await everfresh("log", "--limit", "3")).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[0]).toBe("small: versions 0 to 10");
    expect(lines[2]).toMatch(/^10 .* 1970-01-01 00:00:04 .* rollback to 4, samples 32 to 71 excl/);
    expect(lines[4]).toMatch(/^8 .* 2 /);
  });

  it("gives the same as one JSON document", async () => {
    expect(await everfresh("log", "--json")).toBe(0);
    const document = JSON.parse(out) as { versions: { version: number }[] };
    expect(document).toMatchObject({ model: "small", newest: 10, oldest: 0 });
    expect(document.versions).toHaveLength(11);
    expect(document.versions[0]).toMatchObject({ version: 10, rollback: { toVersion: 4 } });
    expect(document.versions[10]).toMatchObject({ version: 0, entries: null, generation: 1 });
  });
});

describe("everfresh show", () => {
  it("shows what an update touched, and where its bytes went", async () => {
    expect(await everfresh("show", "6", "--json")).toBe(0);
    const document = JSON.parse(out) as { bytesByPart: Record<string, number>; bytes: number };
    expect(document).toMatchObject({
      version: 6,
      step: 6,
      samples: 48,
      samplerDrawn: 600,
      eventTime: "1970-01-01T00:00:06.000Z",
      tensors: [{ role: "parameter", entries: 2 }],
      signedBy: null,
    });
    const parts = Object.values(document.bytesByPart).reduce((sum, count) => sum + count, 0);
    expect(parts).toBe(document.bytes);
    const { largestChanges } = document as unknown as { largestChanges: unknown[] };
    expect(largestChanges[0]).toMatchObject({ element: 13, after: -6 });
    expect(largestChanges[1]).toMatchObject({ element: 6, after: 0.75 });
  });

  it("shows a rollback, whose update is of xor words or values, as the values that it led to", async () => {
    expect(await everfresh("show", "10", "--json")).toBe(0);
    const { largestChanges } = JSON.parse(out) as { largestChanges: { before: number }[] };
    expect(largestChanges.map(({ before }) => before)).toContain(-9);
  });

  it("shows where a log begins, for people", async () => {
    expect(await everfresh("show", "0")).toBe(0);
    expect(out).toMatch(/^version 0: generation 1 begins, anchor of \d+ bytes\n/);
    out = "";
    expect(await everfresh("show", "3")).toBe(0);
    expect(out).toContain("24 samples in 3 steps");
    expect(out).toMatch(/learning rate +rises over the first 300 steps: trained weights/);
    expect(out).toMatch(/indices +\d+ bytes/);
  });

  it("names the nearest version for one that is not there", async () => {
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    expect(await everfresh("show", "11", "--json")).toBe(5);
    expect(JSON.parse(out)).toMatchObject({ error: { code: "EF_VERSION_NOT_KEPT" } });
  });
});
