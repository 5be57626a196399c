import type Database from "better-sqlite3";
import type { Features, Sample } from "@everfresh/core";
import { blankFeatures, erasedId } from "../erasure/erased-sample.ts";
import type { Arrival, UnlabelledSample } from "../sources/following.ts";
import type { InboxState } from "./inbox-database.ts";

/** What is known of an id. */
export interface KnownId {
  /** Of its sample's features. */
  readonly checksum: number;
  /** null while it has none. */
  readonly label: number | null;
}

/** A sample, or the label of one, that is to have a position. */
export type PlannedArrival = (
  | { readonly kind: "sample"; readonly sample: UnlabelledSample }
  | { readonly kind: "label"; readonly id: string; readonly label: number }
) & { readonly origin: string };

/** The tables of an inbox; each call is a part of the transaction around it. */
export interface InboxTables {
  known(id: string): KnownId | null;
  setKnown(id: string, known: KnownId): void;
  early(id: string): number | null;
  addEarly(id: string, label: number, atMs: number): void;
  removeEarly(id: string): void;
  addSample(position: number, sample: Sample, origin: string): void;
  addArrival(position: number, arrival: PlannedArrival, atMs: number): void;
  /** Gives up the oldest that came before `dueMs`, and those beyond `most`; returns how many. */
  expireEarly(dueMs: number, most: number): number;
  countEarly(): number;
  samples(from: number, limit: number): readonly Sample[];
  arrivals(from: number, limit: number): readonly Arrival[];
  origin(position: number): string | null;
  removeBelow(position: number): void;
  /** Wipes out all of an id; where samples have their labels, an empty one stays at its position. */
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

/** Of a sample without label, or of a label with nothing else. */
interface ArrivalRow extends Omit<ContentRow, "label"> {
  readonly position: number;
  readonly label: number | null;
  readonly at_ms: number;
}

/** The tables in `database`, which has them already. */
export function inboxTables(database: Database.Database): InboxTables {
  const known = database.prepare<[string], KnownId>(
    "SELECT checksum, label FROM inbox_id WHERE id = ?",
  );
  const setKnown = database.prepare("INSERT OR REPLACE INTO inbox_id VALUES (?, ?, ?)");
  const early = database.prepare<[string], { label: number }>(
    "SELECT label FROM inbox_early WHERE id = ?",
  );
  const addEarly = database.prepare("INSERT INTO inbox_early (id, label, at_ms) VALUES (?, ?, ?)");
  const removeEarly = database.prepare("DELETE FROM inbox_early WHERE id = ?");
  const addSample = database.prepare("INSERT INTO inbox_sample VALUES (?, ?, ?, ?, ?, ?, ?)");
  const samples = database.prepare<[number, number], ContentRow>(
    "SELECT * FROM inbox_sample WHERE position >= ? ORDER BY position LIMIT ?",
  );
  const addArrival = database.prepare("INSERT INTO inbox_arrival VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  const arrivals = database.prepare<[number, number], ArrivalRow>(
    "SELECT * FROM inbox_arrival WHERE position >= ? ORDER BY position LIMIT ?",
  );
  const origin = database.prepare<[number, number], { origin: string }>(
    "SELECT origin FROM inbox_sample WHERE position = ?" +
      " UNION ALL SELECT origin FROM inbox_arrival WHERE position = ?",
  );
  const removeBelow = ["inbox_sample", "inbox_arrival"].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE position < ?`),
  );
  const saveState = database.prepare("UPDATE inbox_state SET state = ?");
  return {
    known: (id) => known.get(id) ?? null,
    setKnown: (id, { checksum, label }) => setKnown.run(id, checksum, label),
    early: (id) => early.get(id)?.label ?? null,
    addEarly: (id, label, atMs) => addEarly.run(id, label, atMs),
    removeEarly: (id) => removeEarly.run(id),
    addSample: (position, { id, eventTimeMs, features, label }, from) =>
      addSample.run(position, id, eventTimeMs, ...blobOf(features), label, from),
    addArrival: (position, arrival, atMs) => {
      const { origin: from } = arrival;
      if (arrival.kind === "label") {
        addArrival.run(position, arrival.id, null, null, null, arrival.label, from, atMs);
        return;
      }
      const { id, eventTimeMs, features } = arrival.sample;
      addArrival.run(position, id, eventTimeMs, ...blobOf(features), null, from, atMs);
    },
    expireEarly: expiring(database),
    countEarly: counting(database),
    samples: (from, limit) => samples.all(from, limit).map(sampleOf),
    arrivals: (from, limit) => arrivals.all(from, limit).map(arrivalOf),
    origin: (position) => origin.get(position, position)?.origin ?? null,
    removeBelow: (position) => {
      for (const remove of removeBelow) remove.run(position);
    },
    erase: (id) => erase(database, id),
    saveState: (state) => saveState.run(JSON.stringify(state)),
  };
}

function expiring(database: Database.Database): (dueMs: number, most: number) => number {
  // Beyond `most` all but the newest so many.
  const remove = database.prepare<[number, number]>(
    "DELETE FROM inbox_early WHERE at_ms <= ? OR sequence <=" +
      " (SELECT sequence FROM inbox_early ORDER BY sequence DESC LIMIT 1 OFFSET ?)",
  );
  return (dueMs, most) => remove.run(dueMs, most).changes;
}

function counting(database: Database.Database): () => number {
  const count = database.prepare<[], { count: number }>(
    "SELECT COUNT(*) AS count FROM inbox_early",
  );
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
  for (const table of ["inbox_arrival", "inbox_early", "inbox_id"]) {
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

function arrivalOf({ position: place, at_ms: atMs, label, ...row }: ArrivalRow): Arrival {
  if (label !== null) return { kind: "label", place, atMs, id: row.id, label };
  const { id, eventTimeMs, features } = sampleOf({ ...row, label: 0 });
  return { kind: "sample", place, atMs, sample: { id, eventTimeMs, features } };
}
