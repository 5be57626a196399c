import { randomUUID } from "node:crypto";
import { EverfreshError } from "@everfresh/core";
import Database from "better-sqlite3";
import { InboxUnreadableError, InboxVersionError, InboxWriteError } from "../errors.ts";
import { isSqlite } from "../history/history-database.ts";
import type { InboxCounts } from "./inbox.ts";

/** How long a statement waits for another writer of the same file before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;

/** The format that this program writes; before 2, samples without a label waited in the inbox. */
const SCHEMA_VERSION = 2;

const CONTENT = "event_time_ms REAL NOT NULL, dtype TEXT NOT NULL, features BLOB NOT NULL";

const CREATE_TABLES = `
  CREATE TABLE IF NOT EXISTS inbox_state (
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS inbox_sample (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL, ${CONTENT},
    label INTEGER NOT NULL, origin TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS inbox_arrival (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL,
    event_time_ms REAL, dtype TEXT, features BLOB, label INTEGER,
    origin TEXT NOT NULL, at_ms REAL NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS inbox_early (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, label INTEGER NOT NULL, at_ms REAL NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS inbox_id (
    id TEXT PRIMARY KEY, checksum INTEGER NOT NULL, label INTEGER
  ) STRICT, WITHOUT ROWID;
`;

/** What an inbox knows beside its tables, as plain data. */
export interface InboxState {
  /** Of this inbox and no other: who reads a broker for it is called after it. */
  id: string;
  /** Whether labels follow: for good. */
  follows: boolean;
  count: number;
  released: number;
  duplicates: number;
  quarantined: number;
  earlyExpired: number;
  duplicateLabels: number;
  conflicts: number;
  cursor: string | null;
}

/**
 * Opens or creates a database with the tables of an inbox, and reads its state.
 * @throws InboxUnreadableError, InboxVersionError
 */
export function openInboxDatabase(
  file: string,
  made: Pick<InboxState, "follows"> & { readonly name: string },
): { readonly database: Database.Database; readonly state: InboxState } {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    // Samples that move on leave no copy behind that erasing would not find.
    database.pragma("secure_delete = ON");
    return { database, state: stateIn(database, file, made) };
  } catch (cause) {
    database?.close();
    throw inboxUnreadable(file, cause);
  }
}

function stateIn(
  database: Database.Database,
  file: string,
  { name, follows }: Pick<InboxState, "follows"> & { readonly name: string },
): InboxState {
  const named = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'inbox_state'");
  if (named.get() === undefined) {
    const state: InboxState = { ...emptyState(), follows };
    const create = database.transaction(() => {
      database.exec(CREATE_TABLES);
      database
        .prepare("INSERT INTO inbox_state VALUES (?, ?, ?)")
        .run(SCHEMA_VERSION, name, JSON.stringify(state));
    });
    create.immediate();
  }
  const stored = database
    .prepare<[], { version: number; name: string; state: string }>("SELECT * FROM inbox_state")
    .get();
  if (stored === undefined) {
    throw new InboxUnreadableError(file, "its state is missing; use another file");
  }
  if (stored.version > SCHEMA_VERSION) {
    throw new InboxVersionError(file, stored.version, SCHEMA_VERSION);
  }
  if (stored.name !== name) {
    throw new InboxUnreadableError(
      file,
      `it is that of "${stored.name}", not of "${name}"; use another file`,
    );
  }
  const state = { ...emptyState(), ...(JSON.parse(stored.state) as Partial<InboxState>) };
  if (state.follows !== follows) {
    throw new InboxUnreadableError(
      file,
      `it was begun with labelsFollow ${state.follows}, not ${follows}; use another file, or state directory`,
    );
  }
  if (stored.version < SCHEMA_VERSION) {
    database.exec(CREATE_TABLES);
    database.prepare("UPDATE inbox_state SET version = ?").run(SCHEMA_VERSION);
  }
  return state;
}

/** What a state says to people. */
export function countsOf(state: InboxState, early: number): InboxCounts {
  const { count, released, duplicates, quarantined } = state;
  const { earlyExpired, duplicateLabels, conflicts } = state;
  return {
    ...{ count, released, duplicates, quarantined },
    ...{ early, earlyExpired, duplicateLabels, conflicts },
  };
}

function emptyState(): InboxState {
  return {
    ...{ id: randomUUID(), follows: false, count: 0, released: 0, duplicates: 0, quarantined: 0 },
    ...{ earlyExpired: 0, duplicateLabels: 0, conflicts: 0, cursor: null },
  };
}

const LOCKED = "another process keeps it locked; stop that process";

/** The error for an inbox that `cause` keeps from being read. */
export function inboxUnreadable(file: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof EverfreshError) return cause;
  if (isSqlite(cause, "SQLITE_BUSY")) return new InboxUnreadableError(file, LOCKED, cause);
  const isDamaged =
    cause instanceof SyntaxError ||
    isSqlite(cause, "SQLITE_NOTADB") ||
    isSqlite(cause, "SQLITE_CORRUPT");
  const reason = isDamaged
    ? `it is damaged or not a SQLite database (${cause.message}); restore it, or use another file`
    : `${cause.message}; check that its directory exists and can be written`;
  return new InboxUnreadableError(file, reason, cause);
}

/** The error for an inbox that `cause` keeps from being written. */
export function inboxUnwritable(file: string, cause: unknown): unknown {
  if (cause instanceof EverfreshError || cause instanceof RangeError) return cause;
  if (isSqlite(cause, "SQLITE_CORRUPT")) return inboxUnreadable(file, cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  const reason = isSqlite(cause, "SQLITE_CONSTRAINT")
    ? "another process has written to it; stop that process and open it again"
    : isSqlite(cause, "SQLITE_BUSY")
      ? LOCKED
      : `${message}; check the disk's free space and permissions`;
  return new InboxWriteError(file, reason, cause);
}
