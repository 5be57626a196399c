import { describe, expect, it } from "vitest";
import { KnownIds } from "./known-ids.ts";

describe("known ids", () => {
  it("are those that were added, of many that look alike", () => {
    const ids = new KnownIds();
    for (let i = 0; i < 60_000; i += 2) ids.add(`sample-${i}`);
    for (let i = 0; i < 60_000; i += 2) ids.add(`sample-${i}`);
    const wrong = Array.from({ length: 60_000 }, (_, i) => i).filter(
      (i) => ids.has(`sample-${i}`) !== (i % 2 === 0),
    );
    expect(wrong).toEqual([]);
    for (const id of ["", "a", "b", "aa", "\u0000", "\ud800"]) {
      expect(ids.has(id)).toBe(false);
      ids.add(id);
      expect(ids.has(id)).toBe(true);
    }
  });
});
