import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, type Sample } from "@everfresh/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isErased } from "../erasure/erased-sample.ts";
import { openHistory } from "../history/sqlite-history.ts";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import { openQuarantine } from "../quarantine/sqlite-quarantine.ts";
import { replayQuarantine } from "../quarantine/replay.ts";
import {
  BREAKS,
  DIRTY_NOW_MS,
  DIRTY_SCHEMA,
  jsonOf,
  rightRow,
  writtenRows,
} from "../sources/dirty-rows.fixture.ts";
import { sourceConformance } from "../sources/source.conformance.ts";
import type { Arrival } from "../sources/following.ts";
import type { Source } from "../sources/source.ts";
import { BATCH_ROWS_MAX } from "./inbox.ts";
import { type PushBatch, type PushOptions, pushSource, type PushSource } from "./push-source.ts";

const clock = new ManualClock(DIRTY_NOW_MS);

let directory = "";
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-push-"));
});
afterAll(() => rm(directory, { recursive: true }));

const nextFile = (): string => join(directory, `inbox-${files++}.sqlite`);
const quarantine = memoryQuarantine({ clock });

function open(options: Partial<PushOptions> = {}): Promise<PushSource> {
  return pushSource({ file: nextFile(), schema: DIRTY_SCHEMA, clock, quarantine, ...options });
}

const rows = (from: number, to: number): readonly ReturnType<typeof rightRow>[] =>
  Array.from({ length: to - from }, (_, i) => rightRow(from + i));
/** Row `i` without its label, and the label alone. */
const unlabelled = (i: number): ReturnType<typeof rightRow> => ({ ...rightRow(i), y: undefined });
const labelOf = (i: number, y = rightRow(i)["y"]): ReturnType<typeof rightRow> => ({
  key: `key-${i}`,
  y,
});

/** What came to a source whose labels follow. */
async function arrivalsOf(source: Source, count: number, from = 0): Promise<readonly Arrival[]> {
  const arrivals: Arrival[] = [];
  if (count === 0) return arrivals;
  for await (const arrival of source.following!.read({ from })) {
    arrivals.push(arrival);
    if (arrivals.length === count) break;
  }
  return arrivals;
}
/** An arrival in short: "+id" for a sample, "id=label" for a label. */
const shortOf = (arrival: Arrival): string =>
  arrival.kind === "sample" ? `+${arrival.sample.id}` : `${arrival.id}=${arrival.label}`;

async function take(source: Source, count: number, from = 0): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  if (count === 0) return samples;
  for await (const sample of source.read({ from })) {
    samples.push(sample);
    if (samples.length === count) break;
  }
  return samples;
}
const idsOf = (samples: readonly Sample[]): readonly string[] => samples.map(({ id }) => id);

sourceConformance("push", async () => {
  const source = await open();
  await source.accept({ samples: rows(0, 200) });
  return source;
});

describe("samples that are pushed", () => {
  it("are read in their order, by a reader that waits for them too, and after a restart", async () => {
    const file = nextFile();
    {
      await using source = await open({ file });
      const reading = take(source, 8);
      expect(await source.accept({ samples: rows(0, 5) })).toMatchObject({ accepted: 5, count: 5 });
      await source.accept({ samples: rows(5, 8) });
      expect(idsOf(await reading)).toEqual(rows(0, 8).map((_, i) => `key-${i}`));
    }
    await using source = await open({ file });
    const reading = take(source, 3, 7);
    await source.accept({ samples: rows(8, 10) });
    expect(idsOf(await reading)).toEqual(["key-7", "key-8", "key-9"]);
    const [first] = await take(source, 1);
    expect(first).toMatchObject({ eventTimeMs: rightRow(0)["at"], label: 1 });
  });

  it("come once, however often and in whatever order samples and labels are sent", async () => {
    const event = fc.record({
      kind: fc.constantFrom("labelled", "unlabelled", "label"),
      i: fc.nat(7),
      y: fc.constantFrom("no", "yes"),
    });
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.array(event, { minLength: 1, maxLength: 6 }) },
      { weight: 1, arbitrary: fc.constant("restart" as const) },
      { weight: 1, arbitrary: fc.constant("resend" as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const file = nextFile();
        let source = await open({ file, labelsFollow: true });
        const labels = new Map<number, string>();
        const there = new Set<number>();
        const order: string[] = [];
        let last: PushBatch = {};
        for (const events of steps) {
          if (events === "restart") {
            await source[Symbol.asyncDispose]();
            source = await open({ file, labelsFollow: true });
            continue;
          }
          if (events === "resend") {
            const { accepted, joined } = await source.accept(last);
            expect({ accepted, joined }).toEqual({ accepted: 0, joined: 0 });
            continue;
          }
          // Samples come before labels within a batch.
          const samples = events.filter(({ kind }) => kind !== "label");
          const alone = events.filter(({ kind }) => kind === "label");
          for (const { kind, i, y } of [...samples, ...alone]) {
            const isNew = kind !== "label" && !there.has(i);
            const isComplete = there.has(i) && labels.has(i);
            // A sample that says another label than the one that stands is broken.
            if (kind !== "unlabelled" && !labels.has(i)) labels.set(i, y);
            // The label of a sample that comes with it stands above one that was early.
            if (kind === "labelled" && isNew) labels.set(i, y);
            if (isNew) order.push(`+key-${i}`);
            if (isNew) there.add(i);
            if (isComplete || !there.has(i) || !labels.has(i)) continue;
            order.push(`key-${i}=${labels.get(i) === "yes" ? 1 : 0}`);
          }
          last = {
            samples: samples.map(({ kind, i, y }) =>
              kind === "labelled" ? { ...rightRow(i), y } : unlabelled(i),
            ),
            labels: alone.map(({ i, y }) => labelOf(i, y)),
          };
          await source.accept(last);
        }
        expect(source.counts().count).toBe(order.length);
        const arrivals = await arrivalsOf(source, order.length);
        expect(arrivals.map(shortOf)).toEqual(order);
        expect(arrivals.map(({ place }) => place)).toEqual(order.map((_, place) => place));
        const early = [...labels.keys()].filter((i) => !there.has(i));
        expect(source.counts()).toMatchObject({ early: early.length, earlyExpired: 0 });
        await source[Symbol.asyncDispose]();
      }),
      { numRuns: 25 },
    );
  });

  it("are refused all together when too many wait, and taken once there is room", async () => {
    await using source = await open({ samplesMax: 10 });
    await source.accept({ samples: rows(0, 8) });
    const batch = { samples: [...rows(8, 11), { key: "odd" }] };
    const before = (await quarantine.list({ limit: 10_000 })).length;
    await expect(source.accept(batch)).rejects.toMatchObject({
      code: "EF_INBOX_FULL",
      details: { waiting: 8, most: 10 },
    });
    expect(await quarantine.list({ limit: 10_000 })).toHaveLength(before);
    expect(source.counts()).toMatchObject({ count: 8, quarantined: 0 });
    // What is there already needs no room.
    expect(await source.accept({ samples: rows(0, 8) })).toMatchObject({ duplicates: 8 });
    await source.release(1);
    expect(await source.accept(batch)).toMatchObject({ accepted: 3, quarantined: 1, count: 11 });
    await expect(take(source, 1, 0)).rejects.toMatchObject({ code: "EF_INBOX_POSITION" });
    await expect(take(source, 1, 12)).rejects.toMatchObject({ code: "EF_INBOX_POSITION" });
    expect(idsOf(await take(source, 10, 1))).toEqual(rows(1, 11).map((_, i) => `key-${i + 1}`));
    await expect(source.release(12)).rejects.toThrow(RangeError);
    // Released samples stay known.
    expect(await source.accept({ samples: rows(0, 1) })).toMatchObject({
      duplicates: 1,
      count: 11,
    });
    const many = { samples: new Array<object>(BATCH_ROWS_MAX + 1).fill({}) as { key: string }[] };
    await expect(source.accept(many)).rejects.toMatchObject({ code: "EF_INBOX_BATCH" });
  });

  it("go by once they are read where labels follow, and labels wait for them for a while", async () => {
    const time = new ManualClock(DIRTY_NOW_MS);
    const limits = { expireAfterMs: 1_000, pendingMax: 3 };
    const file = nextFile();
    await using source = await open({ file, clock: time, labelsFollow: true, ...limits });
    expect(source.following?.limits).toEqual(limits);
    await source.accept({ samples: [0, 1].map(unlabelled), labels: [labelOf(0)] });
    time.advance(400);
    const later = [5, 6, 7, 8].map((i) => labelOf(i));
    expect(await source.accept({ labels: [...later, labelOf(1)] })).toMatchObject({
      ...{ joined: 1, early: 4, unused: 0, count: 4 },
    });
    // The oldest of four is given up.
    expect(source.counts()).toMatchObject({ early: 3, earlyExpired: 1 });
    expect(await source.accept({ labels: [labelOf(0), labelOf(6), labelOf(1, "yes")] })).toEqual(
      expect.objectContaining({ duplicates: 2, unused: 1, joined: 0, early: 0 }),
    );
    const arrivals = await arrivalsOf(source, 4);
    expect(arrivals.map(shortOf)).toEqual(["+key-0", "+key-1", "key-0=1", "key-1=0"]);
    expect(arrivals.map(({ atMs }) => atMs - DIRTY_NOW_MS)).toEqual([0, 0, 0, 400]);
    await source.release(3);
    expect((await arrivalsOf(source, 1, 3)).map(shortOf)).toEqual(["key-1=0"]);
    await expect(arrivalsOf(source, 1, 2)).rejects.toMatchObject({ code: "EF_INBOX_POSITION" });
    time.advance(1_000);
    await source.accept({ samples: [unlabelled(6)] });
    expect(source.counts()).toMatchObject({ early: 0, earlyExpired: 3, duplicateLabels: 2 });
    expect(source.counts()).toMatchObject({ conflicts: 1, count: 6 });
    expect(() => source.read()).toThrow(/labels follow/);
    // Whether they do is decided for good.
    await source[Symbol.asyncDispose]();
    await expect(open({ file })).rejects.toMatchObject({ code: "EF_INBOX_UNREADABLE" });
  });

  it("never reach training when they are broken, are listed with the reason, and replay when fixed", async () => {
    const dirt = fc.array(fc.tuple(fc.nat(298), fc.nat(BREAKS.length - 1)), {
      minLength: 15,
      maxLength: 15,
    });
    await fc.assert(
      fc.asyncProperty(dirt, fc.integer({ min: 1, max: 120 }), async (broken, size) => {
        const file = nextFile();
        await using waiting = await openQuarantine({ file, clock });
        await using source = await open({ file, quarantine: waiting });
        const written = writtenRows(300, broken);
        for (let at = 0; at < written.length; at += size) {
          const batch = { samples: written.slice(at, at + size).map(jsonOf) };
          await source.accept(batch);
          await source.accept(batch);
        }
        const good = written.filter((row) => row.broken === null);
        const { count } = source.counts();
        expect(idsOf(await take(source, count))).toEqual(good.map(({ i }) => `key-${i}`));
        const kinds = written.flatMap((row) => (row.broken === null ? [] : [row.broken[0]]));
        const listed = await waiting.list({ limit: 1_000 });
        expect(listed.map(({ fault }) => fault.kind)).toEqual(kinds);
        const numbers = new Map(
          listed.map(({ number }, i) => [
            number,
            written.filter((row) => row.broken !== null)[i]?.i ?? 0,
          ]),
        );
        const replay = await replayQuarantine(waiting, {
          schema: DIRTY_SCHEMA,
          nowMs: DIRTY_NOW_MS,
          fix: ({ number }) => Buffer.from(JSON.stringify(rightRow(numbers.get(number) ?? 0))),
          take: (samples) =>
            source.accept({
              samples: samples.map(({ id }) => rightRow(Number(id.slice(4)))),
            }),
        });
        expect(replay).toEqual({ replayed: listed.length, broken: [] });
        expect(source.counts().count).toBe(300);
        const all = idsOf(await take(source, 300));
        expect(new Set(all)).toEqual(new Set(rows(0, 300).map((_, i) => `key-${i}`)));
      }),
      { numRuns: 4 },
    );
  });

  it("may be arrays of numbers, as lists or in base64", async () => {
    const schema = { features: { dtype: "uint8", shape: [1, 2, 2] }, classes: ["a", "b"] } as const;
    await using source = await open({ schema });
    const base64 = Buffer.from([9, 8, 7, 255]).toString("base64");
    const receipt = await source.accept({
      samples: [
        { id: "x", at: 5, features: [1, 2, 3, 4], label: "b" },
        { id: "y", features: base64, label: "a" },
        { id: "z", features: [1, 2, 3], label: "a" },
        { id: "z", features: [1, 2, 3, 256], label: "a" },
        { id: "z", features: [1, 2, 3, NaN], label: "a" },
        { id: "z", features: base64, label: "c" },
        { id: "z", features: base64, label: "a", more: 1 },
        { id: "z", at: DIRTY_NOW_MS + 1e6, features: base64, label: "a" },
      ],
    });
    expect(receipt).toMatchObject({ accepted: 2, quarantined: 6 });
    expect(receipt.reasons.map(({ index, reason }) => [index, reason.split(/ in |:/)[0]])).toEqual([
      ...[
        [2, "wrongType"],
        [3, "outOfRange"],
        [4, "notFinite"],
        [5, "unknownClass"],
      ],
      ...[
        [6, "extraField"],
        [7, "futureTime"],
      ],
    ]);
    expect(await take(source, 2)).toEqual([
      { id: "x", eventTimeMs: 5, features: Uint8Array.of(1, 2, 3, 4), label: 1 },
      { id: "y", eventTimeMs: DIRTY_NOW_MS, features: Uint8Array.of(9, 8, 7, 255), label: 0 },
    ]);
  });

  it("are erased from the file, and their positions stay", async () => {
    const file = nextFile();
    const secret = "sek-17-ret";
    await using source = await open({ file, labelsFollow: true });
    const row = { ...rightRow(1), job: secret, key: "erase-me" };
    await source.accept({
      samples: [rightRow(0), row, rightRow(2), { ...unlabelled(3), job: secret }],
    });
    expect(await containing(file, secret)).toBe(true);
    expect(await source.erase("erase-me")).toBe(true);
    expect(await source.erase("key-3")).toBe(true);
    expect(await source.erase("key-3")).toBe(false);
    expect([await containing(file, secret), await containing(file, "erase-me")]).toEqual([
      ...[false, false],
    ]);
    expect((await arrivalsOf(source, 4)).map(shortOf)).toEqual([
      ...["+key-0", "key-0=1", "+key-2", "key-2=0"],
    ]);
    await using labelled = await open({ file: nextFile() });
    await labelled.accept({ samples: [rightRow(0), row, rightRow(2)] });
    expect(await labelled.erase("erase-me")).toBe(true);
    expect((await take(labelled, 3)).map(isErased)).toEqual([false, true, false]);
  });

  it("need ids, and a file of their own", async () => {
    const schema = { columns: DIRTY_SCHEMA.columns.slice(1) };
    await expect(open({ schema })).rejects.toMatchObject({ code: "EF_TABLE_SCHEMA" });
    const file = nextFile();
    await using history = await openHistory({ file });
    await using source = await open({ file });
    expect([history.count(), source.counts().count]).toEqual([0, 0]);
    await expect(open({ file, name: "other" })).rejects.toMatchObject({
      code: "EF_INBOX_UNREADABLE",
    });
  });
});

/** Whether a text is in a database's files. */
async function containing(file: string, text: string): Promise<boolean> {
  const parts = await Promise.all([file, `${file}-wal`].map((path) => readFile(path)));
  return parts.some((bytes) => bytes.includes(text));
}
