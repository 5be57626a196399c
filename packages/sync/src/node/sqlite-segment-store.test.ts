import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LogCorruptError, LogUnavailableError } from "../errors.ts";
import type { ArchivedSegment } from "../transport/http/segment-store.ts";
import { openSegmentStore } from "./sqlite-segment-store.ts";

let folder = "";
let file = "";

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-segments-"));
  file = path.join(folder, "everfresh.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function segment(level: number, from: number, to: number): ArchivedSegment {
  return { level, from, to, body: Uint8Array.of(level, from, to) };
}

describe("the segment store", () => {
  it("gives back what was saved, after it was opened again, and forgets what is too old", async () => {
    {
      using store = openSegmentStore({ file });
      expect(store.isUsed).toBe(false);
      expect(await store.load("a")).toEqual([]);
      for (const from of [0, 16, 32]) await store.save("a", segment(1, from, from + 16), 16);
      await store.save("a", segment(2, 0, 48), 0);
      await store.save("a", segment(1, 32, 48), 16);
    }
    using store = openSegmentStore({ file });
    expect(store.isUsed).toBe(true);
    const kept = [...(await store.load("a"))].sort((x, y) => x.level - y.level || x.from - y.from);
    expect(kept).toEqual([segment(1, 16, 32), segment(1, 32, 48), segment(2, 0, 48)]);
  });

  it("forgets all other editions", async () => {
    using store = openSegmentStore({ file });
    await store.save("a", segment(1, 0, 16), 0);
    expect(await store.load("b")).toEqual([]);
    await store.save("b", segment(1, 0, 16), 0);
    expect(await store.load("b")).toEqual([segment(1, 0, 16)]);
    expect(await store.load("a")).toEqual([]);
  });

  it("says what is wrong with its file", () => {
    writeFileSync(file, "something else, and long enough that SQLite looks at it: ".repeat(20));
    expect(() => openSegmentStore({ file })).toThrow(LogCorruptError);
    expect(() => openSegmentStore({ file: path.join(folder, "no", "such") })).toThrow(
      LogUnavailableError,
    );
  });
});
