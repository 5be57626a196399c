import Database from "better-sqlite3";
import { readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";

import { LogLockedError, LogUnavailableError } from "../errors.ts";

/**
 * The right to write, held as an exclusive SQLite transaction on a tiny file beside the log. The
 * operating system's file locks are behind it, so a writer that is killed lets go at once, and
 * there is no process id that could be stale, reused, or of another container.
 */
export interface WriterLock {
  /** Lets go. Harmless when done already. */
  release(): void;
}

/**
 * Takes the lock of `file`.
 * @throws LogLockedError when someone else has it; LogUnavailableError when it cannot be made
 */
export function lockForWriting(file: string): WriterLock {
  const lockFile = `${file}.lock`;
  let database: Database.Database;
  try {
    database = new Database(lockFile, { timeout: 0 });
  } catch (error) {
    throw new LogUnavailableError(file, `${lockFile} cannot be opened`, error);
  }
  try {
    database.pragma("journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new LogLockedError(file, holderOf(file));
    throw new LogUnavailableError(file, `${lockFile} cannot be locked`, error);
  }
  writeFileSync(holderFile(file), `process ${process.pid} on ${hostname()}`);
  return { release: () => void database.close() };
}

/** Who holds the lock, for the message only; the lock itself is SQLite's. */
function holderOf(file: string): string {
  try {
    return readFileSync(holderFile(file), "utf8");
  } catch {
    return "another process";
  }
}

function holderFile(file: string): string {
  return `${file}.writer`;
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
}
