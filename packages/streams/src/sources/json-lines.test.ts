import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ManualClock, type Sample } from "@everfresh/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceFormatError, SourceRowError } from "../errors.ts";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import { replayQuarantine } from "../quarantine/replay.ts";
import type { TableSchema } from "../tables/table-schema.ts";
import { dirtyFileConformance } from "./dirty-file.conformance.ts";
import { DIRTY_NOW_MS, DIRTY_SCHEMA, jsonLinesOf, rightRow } from "./dirty-rows.fixture.ts";
import { jsonLines } from "./json-lines.ts";
import type { Source } from "./source.ts";
import { sourceConformance } from "./source.conformance.ts";

const clock = new ManualClock(DIRTY_NOW_MS);

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

dirtyFileConformance("JSON lines", {
  write: (rows) => jsonLinesOf(rows),
  lineOf: (i) => i + 1,
  open: (path, options) =>
    jsonLines({ ...options, file: path, schema: DIRTY_SCHEMA, name: "rows" }),
  asText: false,
});

describe("broken rows", () => {
  it("keep waiting when what takes them fails, and when nobody fixes them", async () => {
    await using quarantine = memoryQuarantine({ clock });
    const row = JSON.stringify({ ...rightRow(1), note: 1 });
    await jsonLines({ file: await file(row), schema: DIRTY_SCHEMA, quarantine, clock });
    const lenient: TableSchema = { ...DIRTY_SCHEMA, extra: "ignore" };
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
