import { ManualClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { QuarantineFullError } from "../errors.ts";
import type { QuarantineOptions } from "./memory-quarantine.ts";
import { type BrokenRow, KEPT_BYTES_MAX, type Quarantine } from "./quarantine.ts";

/** A broken row whose content follows from its number. */
export function madeBroken(number: number, kind: BrokenRow["fault"]["kind"] = "syntax"): BrokenRow {
  return {
    source: "stream",
    place: `line ${number}`,
    bytes: Uint8Array.of(number & 255, 0xff, number >> 8),
    fault: { kind, column: number % 2 === 0 ? null : "age", reason: `reason ${number}` },
  };
}

const several = (from: number, to: number): readonly BrokenRow[] =>
  Array.from({ length: to - from }, (_, i) => madeBroken(from + i));

/** What every quarantine must do; `open` gives a new, empty one. */
export function quarantineConformance(
  name: string,
  open: (options: QuarantineOptions) => Promise<Quarantine> | Quarantine,
): void {
  const clock = new ManualClock(1_700_000_000_000);

  describe(`${name} is a quarantine`, () => {
    it("lists what was put, in its order, with reason, bytes, number and time", async () => {
      await using quarantine = await open({ clock });
      expect(await quarantine.list()).toEqual([]);
      await quarantine.put(several(0, 3));
      const atMs = clock.nowMs();
      expect(await quarantine.list()).toEqual(
        several(0, 3).map((row, i) => ({ ...row, number: i + 1, atMs })),
      );
    });

    it("lists in parts", async () => {
      await using quarantine = await open({ clock });
      await quarantine.put(several(0, 250));
      expect(await quarantine.list()).toHaveLength(100);
      const numbers = (await quarantine.list({ after: 100, limit: 7 })).map(({ number }) => number);
      expect(numbers).toEqual([101, 102, 103, 104, 105, 106, 107]);
      expect(await quarantine.list({ after: 250 })).toEqual([]);
    });

    it("counts what waits by what is wrong", async () => {
      await using quarantine = await open({ clock });
      const rows = [madeBroken(1), madeBroken(2, "badUtf8"), madeBroken(3, "badUtf8")];
      await quarantine.put(rows);
      expect(await quarantine.counts()).toEqual({ syntax: 1, badUtf8: 2 });
      await quarantine.resolve([1]);
      expect(await quarantine.counts()).toEqual({ badUtf8: 2 });
    });

    it("takes the same row from the same place once, even after it was resolved", async () => {
      await using quarantine = await open({ clock });
      await quarantine.put([madeBroken(1), madeBroken(2), madeBroken(1)]);
      await quarantine.resolve([1, 77]);
      await quarantine.put([madeBroken(1), madeBroken(2), madeBroken(3)]);
      const listed = await quarantine.list();
      expect(listed.map(({ place }) => place)).toEqual(["line 2", "line 3"]);
      expect(listed[1]?.number).toBeGreaterThan(2);
      const elsewhere = { ...madeBroken(1), source: "other" };
      const changed = { ...madeBroken(1), bytes: Uint8Array.of(9) };
      await quarantine.put([elsewhere, changed]);
      expect(await quarantine.list()).toHaveLength(4);
    });

    it("keeps its own copy of the bytes, and of long rows the beginning", async () => {
      await using quarantine = await open({ clock });
      const bytes = new Uint8Array(KEPT_BYTES_MAX + 5).fill(7);
      await quarantine.put([{ ...madeBroken(1), bytes }]);
      bytes.fill(0);
      const [row] = await quarantine.list();
      expect(row?.bytes).toEqual(new Uint8Array(KEPT_BYTES_MAX).fill(7));
    });

    it("stores nothing of what would be too many, and has room again later", async () => {
      await using quarantine = await open({ clock, waitingMax: 3 });
      await quarantine.put(several(0, 2));
      await expect(quarantine.put(several(2, 4))).rejects.toThrow(QuarantineFullError);
      expect(await quarantine.list()).toHaveLength(2);
      // Rows that are there already need no room.
      await quarantine.put(several(0, 3));
      await quarantine.resolve([1]);
      await quarantine.put(several(3, 4));
      expect(await quarantine.list()).toHaveLength(3);
    });
  });
}
