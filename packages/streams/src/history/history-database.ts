import Database from "better-sqlite3";
import { HistoryUnreadableError, HistoryVersionError } from "../errors.ts";
import { CREATE_TABLES, SCHEMA_VERSION } from "./sample-table.ts";

/** How long a statement waits for another writer of the same file before it gives up. */
const BUSY_TIMEOUT_MS = 5000;

const LOCKED = "another process keeps it locked; stop that process";

/**
 * Opens or creates a database with the tables of a history.
 * @throws HistoryUnreadableError, HistoryVersionError
 */
export function openHistoryDatabase(file: string): Database.Database {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    const found = storedVersion(database);
    if (found > SCHEMA_VERSION) throw new HistoryVersionError(file, found, SCHEMA_VERSION);
    const tables = database;
    if (found === 0) tables.transaction(() => tables.exec(CREATE_TABLES)).immediate();
    return database;
  } catch (cause) {
    database?.close();
    throw unreadable(file, cause);
  }
}

/** The format of the sample table that is there; 0 when there is none. */
function storedVersion(database: Database.Database): number {
  const named = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sample_schema'");
  if (named.get() === undefined) return 0;
  const version = database.prepare<[], { version: number }>("SELECT version FROM sample_schema");
  return version.get()?.version ?? 0;
}

/** The error for a stored sample that is not what was written. */
export function damaged(file: string, position: number): HistoryUnreadableError {
  return new HistoryUnreadableError(
    file,
    `the sample at position ${position} is damaged;` +
      " restore the file, or use another state directory",
  );
}

/** The error for a history that `cause` keeps from being read. */
export function unreadable(file: string, cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  if (cause instanceof HistoryUnreadableError || cause instanceof HistoryVersionError) return cause;
  if (isSqlite(cause, "SQLITE_BUSY")) return new HistoryUnreadableError(file, LOCKED, cause);
  const isDamaged = isSqlite(cause, "SQLITE_NOTADB") || isSqlite(cause, "SQLITE_CORRUPT");
  const reason = isDamaged
    ? `it is damaged or not a SQLite database (${cause.message});` +
      " restore it, or use another state directory"
    : `${cause.message}; check that its directory exists and can be written`;
  return new HistoryUnreadableError(file, reason, cause);
}

/** What is wrong when `cause` keeps a batch from being stored, and what to do. */
export function writeReason(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (isSqlite(cause, "SQLITE_CONSTRAINT_PRIMARYKEY")) {
    return "another process has appended to it; stop that process and open it again";
  }
  if (isSqlite(cause, "SQLITE_BUSY")) {
    return LOCKED;
  }
  return `${message}; check the disk's free space and permissions`;
}

/** Whether an error is SQLite's, with this code or one that refines it. */
export function isSqlite(error: unknown, code: string): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith(code);
}
