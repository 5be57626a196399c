import type { Update } from "@everfresh/core";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { randomUUID } from "node:crypto";

import { encodeSnapshot } from "../codec/snapshot-codec.ts";
import { LogGapError } from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";
import { LogQueries, logError } from "./log-queries.ts";
import { createLogTables, LOG_FORMAT, type LogTables } from "./log-schema.ts";
import { lockForWriting, type WriterLock } from "./writer-lock.ts";
import type { UpdateLog } from "./update-log.ts";

/** How long a statement waits for another store that writes to the same file. Milliseconds. */
export const BUSY_TIMEOUT_MS = 5_000;

/** Options of {@link openUpdateLog}. */
export interface UpdateLogOptions {
  /** Path of the SQLite file; made when it is not there. Other stores may use it too. */
  readonly file: string;
  /** Id of a new log. @default a random UUID */
  readonly newId?: () => string;
}

/**
 * Opens the log in `file` for writing.
 * @throws LogLockedError when another writer has it open
 * @throws LogUnavailableError when the file cannot be opened, read or written
 * @throws LogCorruptError when it is not a log, or damaged where the newest version is
 * @throws UnsupportedFormatError when another release wrote it
 */
export async function openUpdateLog(options: UpdateLogOptions): Promise<UpdateLog> {
  const { file, newId = randomUUID } = options;
  const lock = lockForWriting(file);
  let database: Kysely<LogTables> | null = null;
  try {
    database = connect(file);
    await createLogTables(database);
    await identify(database, newId);
    return await SqliteUpdateLog.open(new LogQueries(file, database), lock);
  } catch (error) {
    await database?.destroy();
    lock.release();
    throw logError(file, error);
  }
}

class SqliteUpdateLog implements UpdateLog {
  readonly id: string;
  readonly #queries: LogQueries;
  readonly #lock: WriterLock;
  #head: StateName | null;
  /** The newest anchor: where the first update must start. */
  #base: StateName | null;
  #disposal: Promise<void> | null = null;

  private constructor(
    id: string,
    queries: LogQueries,
    lock: WriterLock,
    start: { readonly head: StateName | null; readonly base: StateName | null },
  ) {
    this.id = id;
    this.#queries = queries;
    this.#lock = lock;
    this.#head = start.head;
    this.#base = start.base;
  }

  static async open(queries: LogQueries, lock: WriterLock): Promise<SqliteUpdateLog> {
    const id = await queries.id();
    const head = await queries.head();
    const base = await queries.run((database) =>
      database
        .selectFrom("log_anchors")
        .select(["version", "fingerprint"])
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    return new SqliteUpdateLog(id, queries, lock, { head, base: base ?? null });
  }

  head(): StateName | null {
    return this.#head;
  }

  async append(update: Update, bytes: Uint8Array): Promise<void> {
    const { fromVersion, toVersion, fingerprintBefore, fingerprintAfter } = update;
    const last = this.#head ?? this.#base;
    const version = last?.version ?? 0;
    if (fromVersion !== version || toVersion !== version + 1) {
      throw new LogGapError(`${fromVersion} to ${toVersion} after version ${version}`, {
        version,
        fromVersion,
        toVersion,
      });
    }
    if (last !== null && fingerprintBefore !== last.fingerprint) {
      throw new LogGapError(
        `it starts from ${fingerprintBefore}, version ${version} is ${last.fingerprint}`,
      );
    }
    const name = { version: toVersion, fingerprint: fingerprintAfter };
    await this.#queries.run((database) =>
      database
        .insertInto("log_updates")
        .values({ ...name, bytes })
        .execute(),
    );
    this.#head = name;
  }

  async read(version: number): Promise<Uint8Array | null> {
    for await (const bytes of this.range(version, version)) return bytes;
    return null;
  }

  range(from: number, to: number): AsyncIterable<Uint8Array> {
    return this.#queries.range(from, to);
  }

  async putAnchor(snapshot: Snapshot): Promise<void> {
    const { version, fingerprint } = snapshot;
    const bytes = encodeSnapshot(snapshot);
    await this.#queries.run((database) =>
      database
        .insertInto("log_anchors")
        .values({ version, fingerprint, bytes })
        .onConflict((conflict) => conflict.column("version").doUpdateSet({ fingerprint, bytes }))
        .execute(),
    );
    if (version >= (this.#base?.version ?? 0)) this.#base = { version, fingerprint };
  }

  nearestAnchor(version: number): Promise<Snapshot | null> {
    return this.#queries.nearestAnchor(version);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#queries.close().finally(() => this.#lock.release());
    return this.#disposal;
  }
}

function connect(file: string): Kysely<LogTables> {
  const connection = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    connection.pragma("journal_mode = WAL");
    connection.pragma("synchronous = NORMAL");
  } catch (error) {
    connection.close();
    throw error;
  }
  return new Kysely({ dialect: new SqliteDialect({ database: connection }) });
}

/** Gives a new log its id and its format; one that has them keeps them. */
async function identify(database: Kysely<LogTables>, newId: () => string): Promise<void> {
  await database
    .insertInto("log_facts")
    .values([
      { name: "id", value: newId() },
      { name: "format", value: LOG_FORMAT },
    ])
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
