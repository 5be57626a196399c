import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { type Clock, ManualClock, type Sample } from "@everfresh/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryHistory } from "../history/memory-history.ts";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import { replayQuarantine } from "../quarantine/replay.ts";
import {
  BREAKS,
  DIRTY_NOW_MS,
  DIRTY_SCHEMA,
  rightRow,
  type WrittenRow,
  writtenRows,
} from "./dirty-rows.fixture.ts";
import type { Source } from "./source.ts";

/** A kind of file with rows. */
export interface DirtyFile {
  /** Rows as bytes of such a file, each on a line of its own. */
  readonly write: (rows: readonly WrittenRow[]) => Buffer;
  /** The line of row `i`. */
  readonly lineOf: (i: number) => number;
  readonly open: (
    file: string,
    options: { readonly quarantine?: Quarantine; readonly clock: Pick<Clock, "nowMs"> },
  ) => Promise<Source>;
  readonly asText: boolean;
}

const ROWS = 300;

/** Five of a hundred rows, each broken in one of nine ways. */
const DIRT = fc.array(fc.tuple(fc.nat(ROWS - 2), fc.nat(BREAKS.length - 1)), {
  minLength: ROWS / 20,
  maxLength: ROWS / 20,
});

/** What every file of rows must do with broken ones. */
export function dirtyFileConformance(name: string, file: DirtyFile): void {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "everfresh-dirty-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** Writes packed rows that end `cut` bytes too early; and says how much of them is left. */
  async function written(
    rows: readonly WrittenRow[],
    cut: number,
  ): Promise<{
    readonly path: string;
    readonly whole: number;
    readonly isOpen: boolean;
    /** Whether the last row has lost nothing but the end of its line. */
    readonly isIntact: boolean;
  }> {
    const packed = gzipSync(file.write(rows), { level: cut % 2 === 0 ? 0 : 6 });
    const left = packed.subarray(0, packed.length - cut);
    const path = join(directory, `rows-${cut}.gz`);
    await writeFile(path, left);
    const text = gunzipSync(left, { finishFlush: constants.Z_SYNC_FLUSH });
    const lines = text.toString("latin1").split("\n");
    const whole = lines.length - file.lineOf(0);
    const isOpen = lines.at(-1) !== "";
    const last = file
      .write(rows)
      .toString("latin1")
      .split("\n")
      .at(lines.length - 1);
    const isRight = rows[whole]?.broken === null;
    return { path, whole, isOpen, isIntact: isOpen && isRight && lines.at(-1) === last };
  }

  describe(`broken rows of ${name}`, () => {
    it("never become samples, are all listed with the reason, and replay once they are fixed", async () => {
      await fc.assert(
        fc.asyncProperty(DIRT, fc.integer({ min: 1, max: 700 }), async (dirt, cut) => {
          const rows = writtenRows(ROWS, dirt);
          const { path, whole, isOpen, isIntact } = await written(rows, cut);
          const clock = new ManualClock(DIRTY_NOW_MS);
          await using quarantine = memoryQuarantine({ clock });
          const samples = await all(await file.open(path, { quarantine, clock }));
          const listed = await quarantine.list({ limit: 1_000 });

          const kept = rows.slice(0, whole);
          const good = kept.filter(({ broken }) => broken === null);
          expect(samples.map(({ id }) => id)).toEqual(good.map(({ i }) => `key-${i}`));
          const expected = kept.flatMap(({ i, broken }) =>
            broken === null ? [] : [[`line ${file.lineOf(i)}`, broken[0]]],
          );
          const end = isOpen ? `line ${file.lineOf(whole)}` : "the end";
          expect(listed.map(({ place, fault }) => [place, fault.kind])).toEqual([
            ...expected,
            [end, "truncated"],
          ]);
          for (const { fault } of listed) expect(fault.reason).not.toBe("");

          // Nothing has been fixed, so nothing replays.
          await using history = memoryHistory();
          await history.append(samples);
          const known = new Set(samples.map(({ id }) => id));
          const options = {
            ...{ schema: DIRTY_SCHEMA, nowMs: DIRTY_NOW_MS, asText: file.asText },
            isKnown: (id: string) => known.has(id),
            take: (fixed: readonly Sample[]) => history.append(fixed),
          };
          const unchanged = await replayQuarantine(quarantine, options);
          expect(unchanged.replayed).toBe(isIntact ? 1 : 0);
          expect(unchanged.broken).toHaveLength(listed.length - unchanged.replayed);
          const replay = await replayQuarantine(quarantine, {
            ...options,
            fix: ({ place }) => {
              const i = Number(place.replace("line ", "")) - file.lineOf(0);
              return Number.isNaN(i) ? null : Buffer.from(JSON.stringify(rightRow(i)));
            },
          });
          const waiting = listed.length - unchanged.replayed;
          expect(replay).toEqual({ replayed: waiting - (isOpen ? 0 : 1), broken: [] });
          const stored = await history.range(0, history.count());
          expect(new Set(stored.map(({ id }) => id))).toEqual(
            new Set(rows.slice(0, whole + (isOpen ? 1 : 0)).map(({ i }) => `key-${i}`)),
          );

          // Opened again when nothing is in the future any more, samples have the same positions, and
          // nothing waits a second time.
          clock.advance(1e12);
          const again = await file.open(path, { quarantine, clock });
          expect(await all(again)).toEqual(samples);
          expect(await quarantine.list()).toHaveLength(isOpen ? 0 : 1);
          for (const from of [1, whole >> 1, samples.length - 1]) {
            expect(await all(again, from)).toEqual(samples.slice(from));
          }
        }),
        { numRuns: 12 },
      );
    });

    it("end the opening where there is no quarantine, by their line", async () => {
      const rows = writtenRows(ROWS, [[41, 4]]);
      const { path } = await written(rows, 0);
      const opening = file.open(path, { clock: new ManualClock(DIRTY_NOW_MS) });
      await expect(opening).rejects.toMatchObject({
        code: "EF_SOURCE_ROW",
        details: { path, place: `line ${file.lineOf(42)}`, column: "age", kind: "outOfRange" },
      });
    });
  });
}

async function all(source: Source, from = 0): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read({ from })) samples.push(sample);
  return samples;
}
