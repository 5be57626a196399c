import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ManualClock, type Sample } from "@everfresh/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceFormatError, SourceRowError } from "../errors.ts";
import { memoryHistory } from "../history/memory-history.ts";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import { replayQuarantine } from "../quarantine/replay.ts";
import type { FaultKind } from "../tables/row-fault.ts";
import type { TableSchema } from "../tables/table-schema.ts";
import { jsonLines } from "./json-lines.ts";
import type { Source } from "./source.ts";
import { sourceConformance } from "./source.conformance.ts";

const NOW_MS = 1_700_000_000_000;
const clock = new ManualClock(NOW_MS);

const SCHEMA: TableSchema = {
  columns: [
    { name: "key", kind: "id" },
    { name: "at", kind: "eventTime" },
    { name: "age", kind: "number", min: 0, max: 120 },
    { name: "job", kind: "category", bytesMax: 16 },
    { name: "y", kind: "label", classes: ["no", "yes"] },
  ],
};

let directory = "";
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-json-lines-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(content: string | Uint8Array): Promise<string> {
  const path = join(directory, `rows-${files++}.jsonl.gz`);
  await writeFile(path, content);
  return path;
}

const line = (i: number): string =>
  JSON.stringify({ n: i / 8, m: 1 - i, kind: i % 3 === 0 ? "a" : "b" });
const lines = Array.from({ length: 1200 }, (_, i) => line(i)).join("\n");

sourceConformance(
  "JSON lines",
  async () => jsonLines({ file: await file(lines), label: "kind", name: "rows" }),
  { directory: () => directory },
);

describe("JSON lines", () => {
  it("give every line as a sample, packed or not, whatever ends the lines", async () => {
    const text = `\r\n${line(0)}\r\n\n${line(1)}\r\n${line(2)}`;
    for (const content of [text, gzipSync(text)]) {
      const source = await jsonLines({ file: await file(content), label: "kind", name: "rows" });
      expect(source).toMatchObject({ name: "rows", size: 3 });
      expect(source.schema.target.labels).toEqual(["a", "b"]);
      expect(await all(source)).toEqual([
        { id: "rows-2", eventTimeMs: 2, features: Float32Array.of(0, 1), label: 0 },
        { id: "rows-4", eventTimeMs: 4, features: Float32Array.of(0.125, 0), label: 1 },
        { id: "rows-5", eventTimeMs: 5, features: Float32Array.of(0.25, -1), label: 1 },
      ]);
    }
  });

  it("name file, line and column of the first row that is broken", async () => {
    const path = await file(`${line(0)}\n${line(1)}\n{"n": "three", "m": 1, "kind": "a"}\n`);
    const schema: TableSchema = {
      columns: [
        { name: "n", kind: "number" },
        { name: "m", kind: "number" },
        { name: "kind", kind: "label", classes: ["a", "b"] },
      ],
    };
    const opening = jsonLines({ file: path, schema });
    await expect(opening).rejects.toThrow(SourceRowError);
    await expect(opening).rejects.toThrow(
      `"${path}", line 3, column n: "three" is not a number; fix the row`,
    );
  });

  it("refuse a file without a row, and a gzip that ends too early", async () => {
    const empty = jsonLines({ file: await file("\n\n"), label: "kind" });
    await expect(empty).rejects.toThrow(SourceFormatError);
    const cut = gzipSync(lines).subarray(0, 500);
    await expect(jsonLines({ file: await file(cut), label: "kind" })).rejects.toThrow("unpack");
  });
});

describe("broken rows", () => {
  /** A row of ten kinds that is broken, by the kind; `fix` makes every one of them right. */
  const broken: readonly (readonly [FaultKind, (row: object) => string | Uint8Array])[] = [
    ["wrongType", (row) => JSON.stringify({ ...row, age: "old" })],
    ["missingField", (row) => JSON.stringify({ ...row, job: undefined })],
    ["extraField", (row) => JSON.stringify({ ...row, note: 1 })],
    ["notFinite", (row) => JSON.stringify({ ...row, age: 0 }).replace('"age":0', '"age":NaN')],
    ["outOfRange", (row) => JSON.stringify({ ...row, age: 121 })],
    ["badUtf8", (row) => Buffer.from(JSON.stringify({ ...row, job: "\u00e9" }), "latin1")],
    ["hugeValue", (row) => JSON.stringify({ ...row, job: "j".repeat(17) })],
    ["duplicateId", (row) => JSON.stringify({ ...row, key: "key-0" })],
    ["futureTime", (row) => JSON.stringify({ ...row, at: NOW_MS + 1e9 })],
  ];
  const ROWS = 2000;
  const right = (i: number): object => ({
    key: `key-${i}`,
    at: NOW_MS - ROWS + i,
    age: i % 120,
    job: `job ${i % 5}`,
    y: i % 3 === 0 ? "yes" : "no",
  });
  /** Five of a hundred rows are broken, each kind in turn. */
  const kindOf = (i: number): number => (i % 20 === 7 ? Math.floor(i / 20) % broken.length : -1);

  it("never become samples, are all listed with the reason, and replay once they are fixed", async () => {
    const rows = Array.from({ length: ROWS }, (_, i) =>
      Buffer.from(broken[kindOf(i)]?.[1](right(i)) ?? JSON.stringify(right(i))),
    );
    const text = Buffer.concat(rows.flatMap((row) => [row, Buffer.from("\n")]));
    // The tenth kind: a gzip that has lost its end, somewhere within a row. Stored, not deflated, so
    // that what is left unpacks to the last byte.
    const packed = gzipSync(text, { level: 0 });
    const path = await file(packed.subarray(0, packed.length - 300));
    await using quarantine = memoryQuarantine({ clock });
    const open = (): Promise<Source> =>
      jsonLines({ file: path, schema: SCHEMA, quarantine, clock, name: "rows" });
    const source = await open();
    const samples = await all(source);
    const listed = await quarantine.list({ limit: 1000 });

    const lastLine = Math.max(...listed.map(({ place }) => Number(place.split(" ")[1])));
    expect(listed.filter(({ fault }) => fault.kind === "truncated")).toHaveLength(1);
    const isBroken = (i: number): boolean => kindOf(i) >= 0 || i >= lastLine - 1;
    const good = Array.from({ length: ROWS }, (_, i) => i).filter((i) => !isBroken(i));
    expect(lastLine).toBeGreaterThan(ROWS - 10);
    expect(samples.map(({ id }) => id)).toEqual(good.map((i) => `key-${i}`));
    for (const { place, fault } of listed) {
      const i = Number(place.split(" ")[1]) - 1;
      expect(fault.kind).toBe(i === lastLine - 1 ? "truncated" : broken[kindOf(i)]?.[0]);
      expect(fault.reason).not.toBe("");
    }
    expect(Object.keys(await quarantine.counts())).toHaveLength(10);

    const history = memoryHistory();
    await history.append(samples);
    const known = new Set(samples.map(({ id }) => id));
    const options = {
      schema: SCHEMA,
      nowMs: NOW_MS,
      isKnown: (id: string) => known.has(id),
      take: (fixed: readonly Sample[]) => history.append(fixed),
    };
    const unchanged = await replayQuarantine(quarantine, options);
    expect(unchanged.replayed).toBe(0);
    expect(unchanged.broken).toHaveLength(listed.length);
    const replay = await replayQuarantine(quarantine, {
      ...options,
      fix: ({ place }) => Buffer.from(JSON.stringify(right(Number(place.split(" ")[1]) - 1))),
    });
    expect(replay).toEqual({ replayed: listed.length, broken: [] });
    expect(history.count()).toBe(lastLine);
    expect(await quarantine.list()).toEqual([]);

    // Opened again, the file is as broken as before, but nothing waits a second time.
    expect(await all(await open())).toEqual(samples);
    expect(await quarantine.list()).toEqual([]);
    await history[Symbol.asyncDispose]();
  });

  it("keep waiting when what takes them fails, and when nobody fixes them", async () => {
    await using quarantine = memoryQuarantine({ clock });
    const row = JSON.stringify({ ...right(1), note: 1 });
    await jsonLines({ file: await file(row), schema: SCHEMA, quarantine, clock });
    const lenient: TableSchema = { ...SCHEMA, extra: "ignore" };
    const failing = replayQuarantine(quarantine, {
      schema: lenient,
      take: () => Promise.reject(new Error("disk full")),
    });
    await expect(failing).rejects.toThrow("disk full");
    const left = await replayQuarantine(quarantine, {
      schema: lenient,
      fix: () => null,
      take: () => Promise.resolve(),
    });
    expect(left).toEqual({ replayed: 0, broken: [] });
    const taken: Sample[] = [];
    const replay = await replayQuarantine(quarantine, {
      schema: lenient,
      take: (samples) => Promise.resolve(taken.push(...samples)),
    });
    expect(replay.replayed).toBe(1);
    expect(taken.map(({ id }) => id)).toEqual(["key-1"]);
  });
});

async function all(source: Source): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read()) samples.push(sample);
  return samples;
}
