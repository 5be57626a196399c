import { spawn } from "node:child_process";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as pathOf } from "node:path";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";
import { ManualClock } from "@everfresh/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { madeSamples } from "../history/history.conformance.ts";
import { openHistory } from "../history/sqlite-history.ts";
import { eventJoinConformance } from "./event-join.conformance.ts";
import { labelJoinConformance, madePrediction } from "./label-join.conformance.ts";
import { openLabelJoin } from "./sqlite-label-join.ts";

let directory = "";
let files = 0;
const newFile = (): string => pathOf(directory, `labels-${files++}.sqlite`);
const clock = new ManualClock(5_000);

beforeAll(async () => {
  directory = await mkdtemp(pathOf(tmpdir(), "everfresh-labels-"));
});
afterAll(() => rm(directory, { recursive: true }));

labelJoinConformance("the SQLite label join", (options) =>
  openLabelJoin({ ...options, file: newFile() }),
);

eventJoinConformance("the SQLite label join", (options) =>
  openLabelJoin({ ...options, file: newFile() }),
);

describe("the SQLite label join", () => {
  it("has everything when opened again", async () => {
    const file = newFile();
    const labels = [2, 0, 7, 2].map((number) => ({ id: `sample-${number}`, label: number }));
    {
      await using join = await openLabelJoin({ file, clock });
      await join.predicted([0, 1, 2, 3].map(madePrediction));
      await join.labelled(labels);
      await join.release(1);
    }
    await using join = await openLabelJoin({ file, clock });
    expect(join.stats()).toMatchObject({ pending: 2, early: 1, joined: 2, duplicateLabels: 1 });
    expect(join.stats().lagSamples).toMatchObject({ count: 2, mean: 2 });
    expect(await join.joined(1, 2)).toMatchObject([{ ...madePrediction(0), label: 0 }]);
    await expect(join.joined(0, 2)).rejects.toThrow(RangeError);
    expect(await join.labelled([{ id: "sample-0", label: 0 }])).toEqual(["duplicate"]);
    expect(await join.predicted([madePrediction(7)])).toEqual(["joined"]);
  });

  it("shares its file with the history", async () => {
    const file = newFile();
    await using history = await openHistory({ file });
    await using join = await openLabelJoin({ file, clock });
    for (let number = 0; number < 20; number++) {
      const both = [
        join.predicted([madePrediction(number)]),
        history.append(madeSamples(number, number + 1)),
      ];
      await Promise.all(both);
    }
    expect(join.stats().pending).toBe(20);
    expect(history.count()).toBe(20);
  });

  it("keeps every call or none of it, and all that it acknowledged, when killed", async () => {
    for (const acknowledgements of [1, 90]) {
      const file = newFile();
      const last = await runUntilKilled(file, acknowledgements);
      await using join = await openLabelJoin({ file, clock });
      const stats = join.stats();
      // Round n stores predictions 4n to 4n + 3 and labels those of the round before.
      expect(stats.joined).toBeGreaterThanOrEqual(4 * last);
      expect(stats.joined % 4).toBe(0);
      expect((stats.joined + stats.pending) % 4).toBe(0);
      expect(stats.expiredByAge + stats.expiredByRoom + stats.early).toBe(0);
      const joined = await join.joined(0, join.joinedCount());
      expect(joined.map(({ id }) => id)).toEqual(joined.map((_, i) => `sample-${i}`));
      const database = new Database(file, { readonly: true });
      const rows = database.prepare("SELECT count(*) AS n FROM label_pending").get();
      database.close();
      expect(rows).toEqual({ n: stats.pending });
    }
  });

  it("gives the history what it had not got before a crash", async () => {
    const file = newFile();
    {
      await using join = await openLabelJoin({ file, clock });
      await join.predicted([0, 2, 4].map(madePrediction));
      await join.labelled([0, 2, 4].map((number) => ({ id: `sample-${number}`, label: 1 })));
      await using history = await openHistory({ file });
      const [first] = await join.joined(0, 1);
      const { id, eventTimeMs, features, label } = first!;
      await history.append([{ id, eventTimeMs, features, label }]);
      // Here the process dies: the first one is in the history and was not released.
    }
    await using history = await openHistory({ file });
    await using join = await openLabelJoin({ file, clock });
    const missing = await join.joined(history.count(), join.joinedCount());
    await history.append(
      missing.map(({ id, eventTimeMs, features, label }) => ({ id, eventTimeMs, features, label })),
    );
    await join.release(history.count());
    const stored = await history.range(0, 3);
    expect(stored.map(({ id }) => id)).toEqual(["sample-0", "sample-2", "sample-4"]);
  });

  it("says so when another process has written behind its back, and stores nothing", async () => {
    const file = newFile();
    await using one = await openLabelJoin({ file, clock });
    await using other = await openLabelJoin({ file, clock });
    await one.predicted([madePrediction(1)]);
    await expect(other.predicted([madePrediction(2)])).rejects.toMatchObject({
      code: "EF_LABELS_WRITE",
    });
    await expect(other.predicted([madePrediction(2)])).rejects.toThrow(/another process/);
    expect(other.stats().pending).toBe(0);
    expect(await one.predicted([madePrediction(3)])).toEqual(["stored"]);
  });

  it("refuses a file that is no database, one of a newer format, and one that is damaged", async () => {
    const letter = newFile();
    await writeFile(letter, "a letter to my grandmother, long enough to be a header ".repeat(9));
    await expect(openLabelJoin({ file: letter, clock })).rejects.toMatchObject({
      code: "EF_LABELS_UNREADABLE",
    });
    const file = newFile();
    {
      await using join = await openLabelJoin({ file, clock });
      await join.predicted([madePrediction(1), madePrediction(3)]);
      await join.labelled([{ id: "sample-3", label: 1 }]);
    }
    const database = new Database(file);
    database.exec("UPDATE label_pending SET dtype = 'float64'");
    database.exec("UPDATE label_joined SET outputs = x'0102'");
    {
      await using join = await openLabelJoin({ file, clock });
      const label = [{ id: "sample-1", label: 1 }];
      await expect(join.labelled(label)).rejects.toThrow(/"sample-1" cannot be read/);
      await expect(join.joined(0, 1)).rejects.toMatchObject({ code: "EF_LABELS_UNREADABLE" });
    }
    database.exec("UPDATE label_state SET state = '{'");
    await expect(openLabelJoin({ file, clock })).rejects.toThrow(/damaged/);
    database.exec("UPDATE label_state SET version = 9, state = '{}'");
    await expect(openLabelJoin({ file, clock })).rejects.toMatchObject({
      code: "EF_LABELS_VERSION",
      details: { found: 9, supported: 1 },
    });
    database.close();
  });

  it("refuses a directory, and leaves nothing open when it is disposed of", async () => {
    await expect(openLabelJoin({ file: directory, clock })).rejects.toThrow(directory);
    const file = newFile();
    {
      await using join = await openLabelJoin({ file, clock });
      await join.predicted([madePrediction(1)]);
    }
    // SQLite removes its log when the last connection closes.
    expect(await open(`${file}-wal`, "r").catch(() => null)).toBeNull();
  });
});

/**
 * Runs a process that predicts and labels round after round, kills it after some acknowledgements;
 * gives the number of rounds whose labels it acknowledged.
 */
async function runUntilKilled(file: string, acknowledgements: number): Promise<number> {
  const program = `
    import { openLabelJoin } from ${JSON.stringify(new URL("./sqlite-label-join.ts", import.meta.url))};
    const clock = { nowMs: () => 5_000 };
    const join = await openLabelJoin({ file: ${JSON.stringify(file)}, clock });
    const numbers = (round) => [0, 1, 2, 3].map((i) => 4 * round + i);
    for (let round = 0; ; round++) {
      await join.predicted(numbers(round).map((number) => ({
        id: "sample-" + number, version: 1, eventTimeMs: number, features: new Uint8Array(784),
        outputs: new Float32Array(10), noChange: null, majority: 0,
      })));
      if (round > 0) {
        await join.labelled(numbers(round - 1).map((number) => ({ id: "sample-" + number, label: 1 })));
      }
      process.stdout.write(round + "\\n");
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
