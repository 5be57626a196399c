import { EverfreshError } from "@everfresh/core";
import Database from "better-sqlite3";
import { QuarantineUnreadableError, QuarantineVersionError } from "../errors.ts";
import { isSqlite } from "../history/history-database.ts";

/** How long a statement waits for another writer of the same file before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;

/** The format that this program writes. */
const SCHEMA_VERSION = 1;

const CREATE_TABLES = `
  CREATE TABLE IF NOT EXISTS quarantine_schema (version INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS quarantine (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    place TEXT NOT NULL,
    bytes BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    kind TEXT NOT NULL,
    column_name TEXT,
    reason TEXT NOT NULL,
    at_ms REAL NOT NULL,
    resolved INTEGER NOT NULL DEFAULT 0,
    UNIQUE (source, place, checksum)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS quarantine_waiting ON quarantine (number) WHERE resolved = 0;
  INSERT INTO quarantine_schema
    SELECT ${SCHEMA_VERSION} WHERE NOT EXISTS (SELECT 1 FROM quarantine_schema);
`;

/**
 * Opens or creates a database with the table of a quarantine.
 * @throws QuarantineUnreadableError, QuarantineVersionError
 */
export function openQuarantineDatabase(file: string): Database.Database {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    const tables = database;
    const named = tables.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'quarantine_schema'");
    if (named.get() === undefined) tables.transaction(() => tables.exec(CREATE_TABLES)).immediate();
    const stored = tables
      .prepare<[], { version: number }>("SELECT version FROM quarantine_schema")
      .get();
    const found = stored?.version ?? 0;
    if (found > SCHEMA_VERSION) throw new QuarantineVersionError(file, found, SCHEMA_VERSION);
    return tables;
  } catch (cause) {
    database?.close();
    throw quarantineUnreadable(file, cause);
  }
}

/** The error for a quarantine that `cause` keeps from being used. */
export function quarantineUnreadable(file: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof EverfreshError) return cause;
  const { message } = cause;
  if (isSqlite(cause, "SQLITE_BUSY")) {
    const reason = "another process keeps it locked; stop that process";
    return new QuarantineUnreadableError(file, reason, cause);
  }
  const isDamaged = isSqlite(cause, "SQLITE_NOTADB") || isSqlite(cause, "SQLITE_CORRUPT");
  const reason = isDamaged
    ? `it is damaged or not a SQLite database (${message});` +
      " restore it, or use another state directory"
    : `${message}; check that its directory exists and can be written`;
  return new QuarantineUnreadableError(file, reason, cause);
}
