import { EverfreshError, type Update } from "@everfresh/core";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { randomUUID } from "node:crypto";

import { decodeSnapshot, encodeSnapshot } from "../codec/snapshot-codec.ts";
import { decodeUpdate } from "../codec/update-codec.ts";
import {
  LogCorruptError,
  LogGapError,
  LogUnavailableError,
  UnsupportedFormatError,
} from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";
import { createLogTables, LOG_FORMAT, type LogTables } from "./log-schema.ts";
import { lockForWriting, type WriterLock } from "./writer-lock.ts";
import type { UpdateLog } from "./update-log.ts";

/** Updates that one query brings: bounded memory, and a query costs less than reading these. */
const PAGE_UPDATES = 256;

/** How long a statement waits for another store that writes to the same file. Milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

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
    const id = await identify(database, newId);
    return await SqliteUpdateLog.open({ file, id, database, lock });
  } catch (error) {
    await database?.destroy();
    lock.release();
    throw typed(file, error);
  }
}

interface OpenLog {
  readonly file: string;
  readonly id: string;
  readonly database: Kysely<LogTables>;
  readonly lock: WriterLock;
}

class SqliteUpdateLog implements UpdateLog {
  readonly #log: OpenLog;
  #head: StateName | null;
  /** The newest anchor: where the first update must start. */
  #base: StateName | null;
  #disposal: Promise<void> | null = null;

  private constructor(log: OpenLog, head: StateName | null, base: StateName | null) {
    this.#log = log;
    this.#head = head;
    this.#base = base;
  }

  static async open(log: OpenLog): Promise<SqliteUpdateLog> {
    const { database, file } = log;
    const row = await database
      .selectFrom("log_updates")
      .selectAll()
      .orderBy("version", "desc")
      .limit(1)
      .executeTakeFirst();
    if (row !== undefined) checkUpdate(file, row.version, row.fingerprint, row.bytes);
    const anchor = await database
      .selectFrom("log_anchors")
      .select(["version", "fingerprint"])
      .orderBy("version", "desc")
      .limit(1)
      .executeTakeFirst();
    return new SqliteUpdateLog(log, row === undefined ? null : nameOf(row), anchor ?? null);
  }

  get id(): string {
    return this.#log.id;
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
    await this.#run((database) =>
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

  async *range(from: number, to: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let next = from; next <= to;) {
      const rows = await this.#run((database) =>
        database
          .selectFrom("log_updates")
          .selectAll()
          .where("version", ">=", next)
          .where("version", "<=", to)
          .orderBy("version")
          .limit(PAGE_UPDATES)
          .execute(),
      );
      if (rows.length === 0) return;
      for (const { version, fingerprint, bytes } of rows) {
        if (version !== next && next !== from) {
          throw new LogCorruptError(this.#log.file, `version ${next} is missing`);
        }
        checkUpdate(this.#log.file, version, fingerprint, bytes);
        yield plain(bytes);
        next = version + 1;
      }
    }
  }

  async putAnchor(snapshot: Snapshot): Promise<void> {
    const { version, fingerprint } = snapshot;
    const bytes = encodeSnapshot(snapshot);
    await this.#run((database) =>
      database
        .insertInto("log_anchors")
        .values({ version, fingerprint, bytes })
        .onConflict((conflict) => conflict.column("version").doUpdateSet({ fingerprint, bytes }))
        .execute(),
    );
    if (version >= (this.#base?.version ?? 0)) this.#base = { version, fingerprint };
  }

  async nearestAnchor(version: number): Promise<Snapshot | null> {
    const row = await this.#run((database) =>
      database
        .selectFrom("log_anchors")
        .selectAll()
        .where("version", "<=", version)
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    if (row === undefined) return null;
    const { file } = this.#log;
    const snapshot = readable(file, `anchor ${row.version}`, () =>
      decodeSnapshot(plain(row.bytes)),
    );
    if (snapshot.version !== row.version || snapshot.fingerprint !== row.fingerprint) {
      throw new LogCorruptError(file, `anchor ${row.version} holds another state`);
    }
    return snapshot;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#log.database.destroy().finally(() => this.#log.lock.release());
    return this.#disposal;
  }

  async #run<T>(query: (database: Kysely<LogTables>) => Promise<T>): Promise<T> {
    if (this.#disposal !== null) throw new LogUnavailableError(this.#log.file, "it is closed");
    try {
      return await query(this.#log.database);
    } catch (error) {
      throw typed(this.#log.file, error);
    }
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

/** The log's id: the stored one, or a new one that is stored with the format. */
async function identify(database: Kysely<LogTables>, newId: () => string): Promise<string> {
  await database
    .insertInto("log_facts")
    .values([
      { name: "id", value: newId() },
      { name: "format", value: LOG_FORMAT },
    ])
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const facts = new Map(
    (await database.selectFrom("log_facts").selectAll().execute()).map((fact) => [
      fact.name,
      fact.value,
    ]),
  );
  const format = facts.get("format");
  if (format !== LOG_FORMAT) {
    throw new UnsupportedFormatError("Update log", Number(format), Number(LOG_FORMAT));
  }
  return facts.get("id") ?? "";
}

function checkUpdate(file: string, version: number, fingerprint: string, bytes: Uint8Array): void {
  const update = readable(file, `update ${version}`, () => decodeUpdate(bytes));
  if (update.toVersion !== version || update.fingerprintAfter !== fingerprint) {
    throw new LogCorruptError(file, `update ${version} holds another one`);
  }
}

function readable<T>(file: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnsupportedFormatError) throw error;
    throw new LogCorruptError(file, `${what} cannot be read`, error);
  }
}

/** SQLite's errors as ours. */
function typed(file: string, error: unknown): unknown {
  if (error instanceof EverfreshError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Database.SqliteError)) return new LogUnavailableError(file, reason, error);
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(error.code)) return new LogCorruptError(file, reason, error);
  return new LogUnavailableError(file, reason, error);
}

function nameOf({ version, fingerprint }: StateName): StateName {
  return { version, fingerprint };
}

/** better-sqlite3 gives Node's Buffer, whose methods differ from those of Uint8Array. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
