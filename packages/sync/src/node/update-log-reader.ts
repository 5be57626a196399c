import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { existsSync } from "node:fs";

import { LogUnavailableError } from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";
import { LogQueries, logError } from "./log-queries.ts";
import type { LogTables } from "./log-schema.ts";
import { BUSY_TIMEOUT_MS } from "./sqlite-update-log.ts";

/** A log that is only read, while another process may write to it or while none does. */
export interface UpdateLogReader extends AsyncDisposable {
  readonly id: string;
  /** The newest version now; null while there is none. */
  head(): Promise<StateName | null>;
  /** The bytes of the updates that lead to `from`, ..., `to`, as far as they are there. */
  range(from: number, to: number): AsyncIterable<Uint8Array>;
  /** The newest full state at or before `version`; null when there is none. */
  nearestAnchor(version: number): Promise<Snapshot | null>;
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
  let queries: LogQueries | null = null;
  try {
    const connection = new Database(file, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    const database = new Kysely<LogTables>({
      dialect: new SqliteDialect({ database: connection }),
    });
    queries = new LogQueries(file, database);
    const opened = queries;
    return {
      id: await opened.id(),
      head: () => opened.head(),
      range: (from, to) => opened.range(from, to),
      nearestAnchor: (version) => opened.nearestAnchor(version),
      [Symbol.asyncDispose]: () => opened.close(),
    };
  } catch (error) {
    await queries?.close();
    throw logError(file, error);
  }
}
