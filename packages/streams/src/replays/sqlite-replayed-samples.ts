import Database from "better-sqlite3";
import type { Features, Sample } from "@everfresh/core";
import { blankFeatures, erasedId } from "../erasure/erased-sample.ts";
import { wipeOut } from "../erasure/wipe-out.ts";
import { quarantineUnreadable } from "../quarantine/quarantine-database.ts";
import type { ReplayedSamples } from "./replayed-samples.ts";

/** How long a statement waits for another writer of the same file before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;

const CREATE_TABLES = `
  CREATE TABLE IF NOT EXISTS replayed_sample (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    quarantined INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    event_time_ms REAL NOT NULL,
    dtype TEXT NOT NULL,
    features BLOB NOT NULL,
    label REAL NOT NULL,
    position INTEGER UNIQUE
  ) STRICT;
`;

interface ReplayedRow {
  readonly number: number;
  readonly quarantined: number;
  readonly id: string;
  readonly event_time_ms: number;
  readonly dtype: string;
  readonly features: Uint8Array;
  readonly label: number;
  readonly position: number | null;
}

/**
 * Opens or creates a table of replayed samples in a SQLite file that other stores may share; what a
 * call has changed survives the death of the process. One process at a time uses it.
 * @throws QuarantineUnreadableError
 */
export function openReplayedSamples({ file }: { readonly file: string }): ReplayedSamples {
  const run = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (cause) {
      throw quarantineUnreadable(file, cause);
    }
  };
  const database = run(() => opened(file));
  const sample = database.prepare<[string], ReplayedRow>(
    "SELECT * FROM replayed_sample WHERE id = ?",
  );
  const insert = database.prepare(
    "INSERT INTO replayed_sample (quarantined, id, event_time_ms, dtype, features, label)" +
      " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const oldest = database.prepare<[], ReplayedRow>(
    "SELECT * FROM replayed_sample WHERE position IS NULL ORDER BY number LIMIT 1",
  );
  const give = database.prepare("UPDATE replayed_sample SET position = ? WHERE number = ?");
  const at = database.prepare<[number], ReplayedRow>(
    "SELECT * FROM replayed_sample WHERE position = ?",
  );
  const below = database.prepare<[number], { count: number }>(
    "SELECT COUNT(*) AS count FROM replayed_sample WHERE position < ?",
  );
  const waiting = database.prepare<[], { count: number }>(
    "SELECT COUNT(*) AS count FROM replayed_sample WHERE position IS NULL",
  );
  const forget = database.prepare(
    "UPDATE replayed_sample SET features = x'' WHERE position < ? AND features <> x''",
  );
  return {
    add: (samples) =>
      run(() => {
        const addAll = database.transaction(() => {
          for (const { row, sample: each } of samples) {
            const { id, eventTimeMs, features, label } = each;
            const dtype = features instanceof Float32Array ? "float32" : "uint8";
            insert.run(row, id, eventTimeMs, dtype, bytesOf(features), label);
          }
        });
        addAll.immediate();
      }),
    rowOf: (id) => run(() => sample.get(id)?.quarantined ?? null),
    waiting: () => run(() => waiting.get()?.count ?? 0),
    placedBelow: (position) => run(() => below.get(position)?.count ?? 0),
    at: (position) => run(() => sampleOf(at.get(position))),
    place: (position) =>
      run(() => {
        const next = oldest.get();
        if (next === undefined) return null;
        give.run(position, next.number);
        return sampleOf(next);
      }),
    release: (to) => run(() => void forget.run(to)),
    erase: (id) => run(() => erase(database, sample.get(id))),
    [Symbol.dispose]: () => database.close(),
  };
}

function opened(file: string): Database.Database {
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    // Features that moved on leave no copy behind that erasing would not find.
    database.pragma("secure_delete = ON");
    database.exec(CREATE_TABLES);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function erase(database: Database.Database, row: ReplayedRow | undefined): boolean {
  const found = sampleOf(row);
  if (row === undefined || found === null) return false;
  wipeOut(database, () => {
    if (row.position === null) {
      database.prepare("DELETE FROM replayed_sample WHERE number = ?").run(row.number);
      return;
    }
    database
      .prepare("UPDATE replayed_sample SET id = ?, features = ?, label = 0 WHERE number = ?")
      .run(erasedId(row.position), bytesOf(blankFeatures(found.features)), row.number);
  });
  return true;
}

function bytesOf(features: Features): Uint8Array {
  return new Uint8Array(features.buffer, features.byteOffset, features.byteLength);
}

function sampleOf(row: ReplayedRow | undefined): Sample | null {
  if (row === undefined) return null;
  const { id, event_time_ms: eventTimeMs, dtype, label } = row;
  const copy = new Uint8Array(row.features);
  const features = dtype === "float32" ? new Float32Array(copy.buffer) : copy;
  return { id, eventTimeMs, features, label };
}
