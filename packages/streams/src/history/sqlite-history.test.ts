import { spawn } from "node:child_process";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { historyConformance, madeSample, madeSamples } from "./history.conformance.ts";
import type { History } from "./history.ts";
import { hotBytesOf } from "./hot-samples.ts";
import { openHistory } from "./sqlite-history.ts";

let directory = "";
let files = 0;
const newFile = (): string => join(directory, `history-${files++}.sqlite`);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-history-"));
});
afterAll(() => rm(directory, { recursive: true }));

historyConformance("the SQLite history", () => openHistory({ file: newFile() }));
historyConformance("the SQLite history without memory", () =>
  openHistory({ file: newFile(), hotBytesMax: 0 }),
);
historyConformance("the SQLite history with memory for three samples", () =>
  openHistory({ file: newFile(), hotBytesMax: 3 * hotBytesOf(madeSample(0)) }),
);

describe("the SQLite history", () => {
  it("has everything when opened again, with any budget of memory", async () => {
    const file = newFile();
    await fill(file, 700);
    for (const hotBytesMax of [0, 5000, 2 ** 20]) {
      await using history = await openHistory({ file, hotBytesMax });
      expect(history.count()).toBe(700);
      expect(await history.range(0, 700)).toEqual(madeSamples(0, 700));
      const positions = [699, 0, 350, 699, 0];
      expect(await history.read(positions)).toEqual(positions.map((p) => madeSample(p)));
    }
  });

  it("goes on at the next position after opening again", async () => {
    const file = newFile();
    await fill(file, 3);
    await using history = await openHistory({ file });
    expect(await history.append(madeSamples(3, 5))).toBe(5);
    await expect(history.append([madeSample(1)])).rejects.toMatchObject({
      code: "EF_HISTORY_DUPLICATE",
    });
  });

  it("loses nothing that it acknowledged, and keeps no part of a batch, when killed", async () => {
    for (const acknowledgements of [1, 40, 150]) {
      const file = newFile();
      const acknowledged = await appendUntilKilled(file, acknowledgements);
      await using history = await openHistory({ file });
      expect(history.count()).toBeGreaterThanOrEqual(acknowledged);
      expect(history.count() % 8).toBe(0);
      const stored = await history.range(0, history.count());
      const ids = madeSamples(0, history.count()).map(({ id }) => id);
      expect(stored.map(({ id }) => id)).toEqual(ids);
    }
  });

  it("shares its file with another store that writes between its turns", async () => {
    const file = newFile();
    await using history = await openHistory({ file });
    const other = new Database(file, { timeout: 0 });
    other.exec("CREATE TABLE other (value INTEGER)");
    for (let i = 0; i < 20; i++) {
      const appended = history.append([madeSample(i)]);
      // No lock is held while the append's promise is pending.
      other.prepare("INSERT INTO other VALUES (?)").run(i);
      await appended;
    }
    other.close();
    expect(history.count()).toBe(20);
  });

  it("says so when another writer has appended behind its back, and stores nothing", async () => {
    const file = newFile();
    await using one = await openHistory({ file });
    await using other = await openHistory({ file });
    await one.append(madeSamples(0, 2));
    await expect(other.append(madeSamples(10, 12))).rejects.toMatchObject({
      code: "EF_HISTORY_WRITE",
    });
    await expect(other.append(madeSamples(10, 12))).rejects.toThrow(/another process/);
    expect(await one.append(madeSamples(2, 3))).toBe(3);
  });

  it("stores nothing of a batch with values that are not numbers", async () => {
    await using history = await openHistory({ file: newFile() });
    for (const bad of [{ label: 0.5 }, { eventTimeMs: NaN }]) {
      await expect(
        history.append([madeSample(0), { ...madeSample(1), ...bad }]),
      ).rejects.toMatchObject({ code: "EF_HISTORY_WRITE" });
    }
    expect(history.count()).toBe(0);
    expect(await history.append([madeSample(0)])).toBe(1);
  });

  it("refuses a file that is no database, and leaves it as it is", async () => {
    const file = newFile();
    const letter = "a letter to my grandmother, long enough to be read as a header ".repeat(9);
    await writeFile(file, letter);
    await expect(openHistory({ file })).rejects.toMatchObject({ code: "EF_HISTORY_UNREADABLE" });
    await expect(openHistory({ file })).rejects.toThrow(/restore it, or use another state dir/);
    expect(await readFile(file, "utf8")).toBe(letter);
  });

  it("refuses a directory, and a file in a directory that is not there", async () => {
    for (const file of [directory, join(directory, "nowhere", "history.sqlite")]) {
      await expect(openHistory({ file })).rejects.toMatchObject({ code: "EF_HISTORY_UNREADABLE" });
      await expect(openHistory({ file })).rejects.toThrow(file);
    }
  });

  it("notices damage in the middle of the file", async () => {
    const file = newFile();
    await fill(file, 400);
    const handle = await open(file, "r+");
    await handle.write(Buffer.alloc(4096 * 6, 0xa5), 0, 4096 * 6, 4096 * 2);
    await handle.close();
    const reading = (async (): Promise<void> => {
      await using history = await openHistory({ file, hotBytesMax: 0 });
      await history.range(0, 400);
    })();
    await expect(reading).rejects.toMatchObject({ code: "EF_HISTORY_UNREADABLE" });
  });

  it("names the position of a sample whose row is damaged", async () => {
    const file = newFile();
    await fill(file, 5);
    const database = new Database(file);
    database.exec("UPDATE sample SET dtype = 'float64' WHERE position = 2");
    database.close();
    await expect(openHistory({ file })).rejects.toThrow(/position 2 is damaged/);
    await using history = await openHistory({ file, hotBytesMax: 0 });
    await expect(history.read([2])).rejects.toThrow(/position 2 is damaged/);
  });

  it("refuses a file of a newer format", async () => {
    const file = newFile();
    await fill(file, 1);
    const database = new Database(file);
    database.exec("UPDATE sample_schema SET version = 7");
    database.close();
    await expect(openHistory({ file })).rejects.toMatchObject({
      code: "EF_HISTORY_VERSION",
      details: { found: 7, supported: 1 },
    });
  });

  it("can be moved or deleted once it is disposed of", async () => {
    const file = newFile();
    await fill(file, 2);
    const handle = await open(`${file}-wal`, "r").catch(() => null);
    expect(handle).toBeNull(); // SQLite removes its log when the last connection closes.
  });
});

async function fill(file: string, count: number): Promise<void> {
  await using history: History = await openHistory({ file });
  await history.append(madeSamples(0, count));
}

/**
 * Runs a process that appends batches of 8, kills it after some acknowledgements; gives the last
 * count.
 */
async function appendUntilKilled(file: string, acknowledgements: number): Promise<number> {
  const program = `
    import { openHistory } from ${JSON.stringify(new URL("./sqlite-history.ts", import.meta.url))};
    const history = await openHistory({ file: ${JSON.stringify(file)} });
    for (let n = 0; ; n += 8) {
      const batch = Array.from({ length: 8 }, (_, i) => ({
        id: "sample-" + (n + i), eventTimeMs: n, features: new Uint8Array(784), label: 0,
      }));
      process.stdout.write((await history.append(batch)) + "\\n");
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
