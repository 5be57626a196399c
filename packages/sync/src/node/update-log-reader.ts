import Database from "better-sqlite3";
import { existsSync } from "node:fs";

import { LogUnavailableError } from "../errors.ts";
import type { StateName } from "../replica/runtime.ts";
import { BUSY_TIMEOUT_MS, LogDatabase } from "./log-database.ts";
import { listEntries } from "./log-listing.ts";
import { LogQueries, logError } from "./log-queries.ts";
import type { LogReading } from "./update-log.ts";

/** A log that is only read, while another process may write to it or while none does. */
export interface UpdateLogReader extends LogReading, AsyncDisposable {
  /** The newest version now; null while there is none. */
  head(): Promise<StateName | null>;
}

/**
 * Opens the log in `file` for reading; nothing in it is changed and no writer is disturbed.
 * @throws LogUnavailableError when the file is not there or cannot be read
 * @throws LogCorruptError when it is not a log
 * @throws UnsupportedFormatError when another release wrote it
 */
export async function openUpdateLogReader({
  file,
}: {
  readonly file: string;
}): Promise<UpdateLogReader> {
  if (!existsSync(file)) throw new LogUnavailableError(file, "it does not exist");
  let database: LogDatabase | null = null;
  try {
    database = new LogDatabase(new Database(file, { readonly: true, timeout: BUSY_TIMEOUT_MS }));
    const opened = database;
    const log = new LogQueries(file, opened.queries);
    return {
      id: await log.id(),
      head: () => log.head(),
      range: (from, to) => log.range(from, to),
      nearestAnchor: (version) => log.nearestAnchor(version),
      undoRecords: (from, to) => log.undoRecords(from, to),
      oldest: () => log.oldest(),
      generation: (version) => log.generation(version),
      entries: (options) => listEntries(log, options),
      rollbacks: () => log.rollbacks(),
      [Symbol.asyncDispose]: () => {
        log.close();
        return opened.close();
      },
    };
  } catch (error) {
    await database?.close();
    throw logError(file, error);
  }
}
