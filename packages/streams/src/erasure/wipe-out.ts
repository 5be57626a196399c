import type Database from "better-sqlite3";

/**
 * Runs a change that is to leave nothing behind: what it overwrites or deletes is zeroed in the file,
 * and the write-ahead log, which has older copies of it, is emptied. Where another reader keeps the log
 * from being emptied now, SQLite overwrites it in the course of later writes.
 */
export function wipeOut(database: Database.Database, change: () => void): void {
  const [before] = database.pragma("secure_delete") as readonly [{ secure_delete: number }];
  database.pragma("secure_delete = ON");
  try {
    database.transaction(change).immediate();
    database.pragma("wal_checkpoint(TRUNCATE)");
  } finally {
    database.pragma(`secure_delete = ${before.secure_delete}`);
  }
}
