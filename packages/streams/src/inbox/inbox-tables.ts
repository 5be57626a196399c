import type Database from "better-sqlite3";
import type { Features, Sample } from "@everfresh/core";
import { blankFeatures, erasedId } from "../erasure/erased-sample.ts";
import type { InboxState } from "./inbox-database.ts";

/** A sample of which everything but the label is known. */
export type UnlabelledSample = Omit<Sample, "label">;

/** What is known of an id. */
export interface KnownId {
  /** Of its sample's features. */
  readonly checksum: number;
  /** null while it has none. */
  readonly label: number | null;
}

/** A sample that waits for its label. */
export interface WaitingSample extends UnlabelledSample {
  readonly origin: string;
}

/** The tables of an inbox; each call is a part of the transaction around it. */
export interface InboxTables {
  known(id: string): KnownId | null;
  setKnown(id: string, known: KnownId): void;
  waiting(id: string): WaitingSample | null;
  addWaiting(sample: WaitingSample, atMs: number): void;
  removeWaiting(id: string): void;
  early(id: string): number | null;
  addEarly(id: string, label: number, atMs: number): void;
  removeEarly(id: string): void;
  addSample(position: number, sample: Sample, origin: string): void;
  /** Gives up the oldest that came before `dueMs`, and those beyond `most`; returns how many. */
  expireWaiting(dueMs: number, most: number): number;
  expireEarly(dueMs: number, most: number): number;
  countWaiting(): number;
  countEarly(): number;
  samples(from: number, limit: number): readonly Sample[];
  origin(position: number): string | null;
  removeBelow(position: number): void;
  /** Wipes out all of an id; at its position an empty sample stays. */
  erase(id: string): boolean;
  saveState(state: InboxState): void;
}

interface ContentRow {
  readonly id: string;
  readonly event_time_ms: number;
  readonly dtype: string;
  readonly features: Uint8Array;
  readonly label: number;
  readonly origin: string;
}

/** The tables in `database`, which has them already. */
export function inboxTables(database: Database.Database): InboxTables {
  const known = database.prepare<[string], KnownId>(
    "SELECT checksum, label FROM inbox_id WHERE id = ?",
  );
  const setKnown = database.prepare("INSERT OR REPLACE INTO inbox_id VALUES (?, ?, ?)");
  const waiting = database.prepare<[string], ContentRow>(
    "SELECT * FROM inbox_waiting WHERE id = ?",
  );
  const addWaiting = database.prepare(
    "INSERT INTO inbox_waiting (id, event_time_ms, dtype, features, origin, at_ms)" +
      " VALUES (?, ?, ?, ?, ?, ?)",
  );
  const removeWaiting = database.prepare("DELETE FROM inbox_waiting WHERE id = ?");
  const early = database.prepare<[string], { label: number }>(
    "SELECT label FROM inbox_early WHERE id = ?",
  );
  const addEarly = database.prepare("INSERT INTO inbox_early (id, label, at_ms) VALUES (?, ?, ?)");
  const removeEarly = database.prepare("DELETE FROM inbox_early WHERE id = ?");
  const addSample = database.prepare("INSERT INTO inbox_sample VALUES (?, ?, ?, ?, ?, ?, ?)");
  const samples = database.prepare<[number, number], ContentRow>(
    "SELECT * FROM inbox_sample WHERE position >= ? ORDER BY position LIMIT ?",
  );
  const origin = database.prepare<[number], { origin: string }>(
    "SELECT origin FROM inbox_sample WHERE position = ?",
  );
  const removeBelow = database.prepare("DELETE FROM inbox_sample WHERE position < ?");
  const saveState = database.prepare("UPDATE inbox_state SET state = ?");
  return {
    known: (id) => known.get(id) ?? null,
    setKnown: (id, { checksum, label }) => setKnown.run(id, checksum, label),
    waiting: (id) => {
      const row = waiting.get(id);
      return row === undefined ? null : { ...sampleOf(row), origin: row.origin };
    },
    addWaiting: (sample, atMs) => {
      const { id, eventTimeMs, features } = sample;
      addWaiting.run(id, eventTimeMs, ...blobOf(features), sample.origin, atMs);
    },
    removeWaiting: (id) => removeWaiting.run(id),
    early: (id) => early.get(id)?.label ?? null,
    addEarly: (id, label, atMs) => addEarly.run(id, label, atMs),
    removeEarly: (id) => removeEarly.run(id),
    addSample: (position, { id, eventTimeMs, features, label }, from) =>
      addSample.run(position, id, eventTimeMs, ...blobOf(features), label, from),
    expireWaiting: expiring(database, "inbox_waiting"),
    expireEarly: expiring(database, "inbox_early"),
    countWaiting: counting(database, "inbox_waiting"),
    countEarly: counting(database, "inbox_early"),
    samples: (from, limit) => samples.all(from, limit).map(sampleOf),
    origin: (position) => origin.get(position)?.origin ?? null,
    removeBelow: (position) => removeBelow.run(position),
    erase: (id) => erase(database, id),
    saveState: (state) => saveState.run(JSON.stringify(state)),
  };
}

function expiring(
  database: Database.Database,
  table: "inbox_waiting" | "inbox_early",
): (dueMs: number, most: number) => number {
  // Beyond `most` all but the newest so many.
  const remove = database.prepare<[number, number]>(
    `DELETE FROM ${table} WHERE at_ms <= ? OR sequence <=` +
      ` (SELECT sequence FROM ${table} ORDER BY sequence DESC LIMIT 1 OFFSET ?)`,
  );
  return (dueMs, most) => remove.run(dueMs, most).changes;
}

function counting(
  database: Database.Database,
  table: "inbox_waiting" | "inbox_early",
): () => number {
  const count = database.prepare<[], { count: number }>(`SELECT COUNT(*) AS count FROM ${table}`);
  return () => count.get()?.count ?? 0;
}

function erase(database: Database.Database, id: string): boolean {
  const find = database.prepare<[string], ContentRow & { readonly position: number }>(
    "SELECT * FROM inbox_sample WHERE id = ?",
  );
  const blank = database.prepare(
    "UPDATE inbox_sample SET id = ?, features = ?, label = 0, origin = '' WHERE position = ?",
  );
  const row = find.get(id);
  if (row !== undefined) {
    const [, features] = blobOf(blankFeatures(sampleOf(row).features));
    blank.run(erasedId(row.position), features, row.position);
  }
  let removed = row === undefined ? 0 : 1;
  for (const table of ["inbox_waiting", "inbox_early", "inbox_id"]) {
    removed += database.prepare(`DELETE FROM ${table} WHERE id = ?`).run(id).changes;
  }
  return removed > 0;
}

function blobOf(features: Features): readonly [dtype: string, features: Uint8Array] {
  const bytes = new Uint8Array(features.buffer, features.byteOffset, features.byteLength);
  return [features instanceof Float32Array ? "float32" : "uint8", bytes];
}

function sampleOf({ id, event_time_ms: eventTimeMs, dtype, features, label }: ContentRow): Sample {
  const copy = new Uint8Array(features);
  const typed = dtype === "float32" ? new Float32Array(copy.buffer) : copy;
  return { id, eventTimeMs, features: typed, label };
}
