import Database from "better-sqlite3";

import type { ArchivedSegment, SegmentStore } from "../transport/http/segment-store.ts";
import { BUSY_TIMEOUT_MS } from "./log-database.ts";
import { logError } from "./log-queries.ts";

/** A store that is closed with its run. */
export interface SqliteSegmentStore extends SegmentStore, Disposable {}

interface Row {
  readonly level: number;
  readonly from_version: number;
  readonly to_version: number;
  readonly bytes: Uint8Array;
}

/**
 * Opens the merged segments in `file`, beside the update log: what is written here can be made again
 * from the log, but not always with the same bytes. Each call is one short transaction of its own.
 * @throws LogUnavailableError, LogCorruptError when the file cannot be used
 */
export function openSegmentStore({ file }: { readonly file: string }): SqliteSegmentStore {
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw logError(file, error);
    }
  };
  const database = guarded(() => open(file));
  const isUsed = guarded(
    () => database.prepare("SELECT 1 FROM http_segments LIMIT 1").get() !== undefined,
  );
  return {
    isUsed,
    // Async without await: the work is synchronous, its errors still arrive as rejections.
    // eslint-disable-next-line @typescript-eslint/require-await
    async load(edition): Promise<readonly ArchivedSegment[]> {
      return guarded(() => {
        database.prepare("DELETE FROM http_segments WHERE edition <> ?").run(edition);
        const rows = database
          .prepare("SELECT level, from_version, to_version, bytes FROM http_segments")
          .all() as Row[];
        return rows.map(({ level, from_version: from, to_version: to, bytes }) => ({
          ...{ level, from, to },
          body: new Uint8Array(bytes),
        }));
      });
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    async save(edition, { level, from, to, body }, keptFrom): Promise<void> {
      const write = database.transaction(() => {
        database
          .prepare("DELETE FROM http_segments WHERE level = ? AND to_version <= ?")
          .run(level, keptFrom);
        database
          .prepare("INSERT OR REPLACE INTO http_segments VALUES (?, ?, ?, ?, ?)")
          .run(edition, level, from, to, body);
      });
      guarded(() => write.immediate());
    },
    [Symbol.dispose]: () => {
      database.close();
    },
  };
}

function open(file: string): Database.Database {
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.exec(
      `CREATE TABLE IF NOT EXISTS http_segments (
        edition TEXT NOT NULL, level INTEGER NOT NULL,
        from_version INTEGER NOT NULL, to_version INTEGER NOT NULL,
        bytes BLOB NOT NULL, PRIMARY KEY (level, from_version)
      )`,
    );
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
