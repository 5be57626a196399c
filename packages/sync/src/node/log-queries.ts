import { EverfreshError } from "@everfresh/core";
import Database from "better-sqlite3";
import type { Kysely } from "kysely";

import { decodeSnapshot } from "../codec/snapshot-codec.ts";
import { readUpdateHeader } from "../codec/update-header.ts";
import { LogCorruptError, LogUnavailableError, UnsupportedFormatError } from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";
import { LOG_FORMAT, type LogTables } from "./log-schema.ts";

/** Updates that one query brings: bounded memory, and a query costs less than reading these. */
const PAGE_UPDATES = 256;

/** Queries of a log that only read, with everything checked; for its writer and for others. */
export class LogQueries {
  readonly #file: string;
  readonly #database: Kysely<LogTables>;
  #closed = false;

  constructor(file: string, database: Kysely<LogTables>) {
    this.#file = file;
    this.#database = database;
  }

  /**
   * The log's id.
   * @throws UnsupportedFormatError when another release wrote the log
   */
  async id(): Promise<string> {
    const rows = await this.run((database) =>
      database.selectFrom("log_facts").selectAll().execute(),
    );
    const facts = new Map(rows.map((fact) => [fact.name, fact.value]));
    const format = facts.get("format");
    if (format !== LOG_FORMAT) {
      throw new UnsupportedFormatError("Update log", Number(format), Number(LOG_FORMAT));
    }
    return facts.get("id") ?? "";
  }

  /** The newest version; null while there is none. */
  async head(): Promise<StateName | null> {
    const row = await this.run((database) =>
      database
        .selectFrom("log_updates")
        .selectAll()
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    if (row === undefined) return null;
    const { version, fingerprint, bytes } = row;
    checkUpdate(this.#file, version, fingerprint, bytes);
    return { version, fingerprint };
  }

  /** The bytes of the updates that lead to `from`, ..., `to`, as far as they are there. */
  async *range(from: number, to: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let next = from; next <= to;) {
      const rows = await this.run((database) =>
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
          throw new LogCorruptError(this.#file, `version ${next} is missing`);
        }
        checkUpdate(this.#file, version, fingerprint, bytes);
        yield plain(bytes);
        next = version + 1;
      }
    }
  }

  /** The newest full state at or before `version`; null when there is none. */
  async nearestAnchor(version: number): Promise<Snapshot | null> {
    const row = await this.run((database) =>
      database
        .selectFrom("log_anchors")
        .selectAll()
        .where("version", "<=", version)
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    if (row === undefined) return null;
    const snapshot = readable(this.#file, `anchor ${row.version}`, () =>
      decodeSnapshot(plain(row.bytes)),
    );
    if (snapshot.version !== row.version || snapshot.fingerprint !== row.fingerprint) {
      throw new LogCorruptError(this.#file, `anchor ${row.version} holds another state`);
    }
    return snapshot;
  }

  /** Runs a query; its failure is one of the log's errors. */
  async run<T>(query: (database: Kysely<LogTables>) => Promise<T>): Promise<T> {
    if (this.#closed) throw new LogUnavailableError(this.#file, "it is closed");
    try {
      return await query(this.#database);
    } catch (error) {
      throw logError(this.#file, error);
    }
  }

  /** Closes the database; queries fail from now on. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#database.destroy();
  }
}

/** SQLite's errors as those of the log in `file`. */
export function logError(file: string, error: unknown): unknown {
  if (error instanceof EverfreshError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Database.SqliteError)) return new LogUnavailableError(file, reason, error);
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(error.code)) return new LogCorruptError(file, reason, error);
  return new LogUnavailableError(file, reason, error);
}

function checkUpdate(file: string, version: number, fingerprint: string, bytes: Uint8Array): void {
  const update = readable(file, `update ${version}`, () => readUpdateHeader(bytes));
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

/** better-sqlite3 gives Node's Buffer, whose methods differ from those of Uint8Array. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
