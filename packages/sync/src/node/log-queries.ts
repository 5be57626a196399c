import { EverfreshError } from "@everfresh/core";
import Database from "better-sqlite3";
import type { Kysely } from "kysely";

import { decodeManifest } from "../codec/manifest-codec.ts";
import { decodeSnapshot } from "../codec/snapshot-codec.ts";
import { readUpdateHeader, type UpdateHeader } from "../codec/update-header.ts";
import {
  LogCorruptError,
  LogUnavailableError,
  UnsupportedFormatError,
  VersionNotKeptError,
} from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";
import { type Generation, generationId } from "./generation.ts";
import type { Rollback } from "./log-entry.ts";
import { LOG_FORMAT, type LogTables } from "./log-schema.ts";
import { UNDO_VERSIONS } from "./log-statements.ts";

/** Updates that one query brings: bounded memory, and a query costs less than reading these. */
const PAGE_UPDATES = 256;

/** Queries of a log that only read, with everything checked; for its writer and for others. */
export class LogQueries {
  readonly file: string;
  readonly #database: Kysely<LogTables>;
  #closed = false;

  constructor(file: string, database: Kysely<LogTables>) {
    this.file = file;
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

  /** The newest version: of the newest update, or of an anchor after it; null while there is none. */
  async head(): Promise<StateName | null> {
    const [update, anchor] = await this.run((database) =>
      Promise.all([
        database
          .selectFrom("log_updates")
          .select(["version", "fingerprint", "bytes"])
          .orderBy("version", "desc")
          .limit(1)
          .executeTakeFirst(),
        database
          .selectFrom("log_anchors")
          .select(["version", "fingerprint"])
          .orderBy("version", "desc")
          .limit(1)
          .executeTakeFirst(),
      ]),
    );
    if (update !== undefined) this.checkUpdate(update);
    if (anchor !== undefined && anchor.version > (update?.version ?? -1)) return anchor;
    return update === undefined
      ? null
      : { version: update.version, fingerprint: update.fingerprint };
  }

  /** As `LogReading.range`. */
  async *range(from: number, to: number): AsyncGenerator<Uint8Array, void, undefined> {
    const border = await this.run((database) =>
      database
        .selectFrom("log_generations")
        .select("first_version")
        .where("number", ">", 1)
        .where("first_version", ">=", from)
        .orderBy("first_version")
        .limit(1)
        .executeTakeFirst(),
    );
    const last = Math.min(to, (border?.first_version ?? Infinity) - 1);
    for (let next = from; next <= last;) {
      const rows = await this.run((database) =>
        database
          .selectFrom("log_updates")
          .select(["version", "fingerprint", "bytes"])
          .where("version", ">=", next)
          .where("version", "<=", last)
          .orderBy("version")
          .limit(PAGE_UPDATES)
          .execute(),
      );
      if (rows.length === 0) return;
      for (const row of rows) {
        if (row.version !== next) throw await this.#missing(next, from);
        this.checkUpdate(row);
        yield plain(row.bytes);
        next++;
      }
    }
  }

  /** As `LogReading.nearestAnchor`. */
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
    const snapshot = readable(this.file, `anchor ${row.version}`, () =>
      decodeSnapshot(plain(row.bytes)),
    );
    if (snapshot.version !== row.version || snapshot.fingerprint !== row.fingerprint) {
      throw new LogCorruptError(this.file, `anchor ${row.version} holds another state`);
    }
    return snapshot;
  }

  /** As `LogReading.undoRecords`. */
  async undoRecords(from: number, to: number): Promise<readonly Uint8Array[] | null> {
    if (to - from >= UNDO_VERSIONS) return null;
    const rows = await this.run((database) =>
      database
        .selectFrom("log_undo")
        .select("bytes")
        .where("version", ">=", from)
        .where("version", "<=", to)
        .orderBy("version")
        .execute(),
    );
    return rows.length === to - from + 1 ? rows.map(({ bytes }) => plain(bytes)) : null;
  }

  /** As `LogReading.oldest`. */
  async oldest(): Promise<number | null> {
    const row = await this.run((database) =>
      database
        .selectFrom("log_anchors")
        .select("version")
        .orderBy("version")
        .limit(1)
        .executeTakeFirst(),
    );
    return row?.version ?? null;
  }

  /** Whether an update was ever appended. */
  async hasUpdates(): Promise<boolean> {
    const row = await this.run((database) =>
      database.selectFrom("log_updates").select("version").limit(1).executeTakeFirst(),
    );
    return row !== undefined;
  }

  /** As `LogReading.generation`. */
  async generation(version: number = Number.MAX_SAFE_INTEGER): Promise<Generation | null> {
    const row = await this.run((database) =>
      database
        .selectFrom("log_generations")
        .selectAll()
        .where("first_version", "<=", version)
        .orderBy("number", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    if (row === undefined) return null;
    const { number, first_version, hash, time_ms } = row;
    const manifest = readable(this.file, `manifest of generation ${number}`, () =>
      decodeManifest(plain(row.manifest)),
    );
    const id = generationId(await this.id(), number);
    return { number, id, firstVersion: first_version, hash, manifest, timeMs: time_ms };
  }

  /** As `LogReading.rollbacks`. */
  async rollbacks(): Promise<readonly Rollback[]> {
    const rows = await this.run((database) =>
      database.selectFrom("log_rollbacks").selectAll().orderBy("version").execute(),
    );
    return rows.map((row) => ({
      version: row.version,
      toVersion: row.to_version,
      excluded:
        row.excluded_from === null || row.excluded_to === null
          ? null
          : { from: row.excluded_from, to: row.excluded_to },
      optimizerReset: row.optimizer_reset === 1,
      timeMs: row.time_ms,
    }));
  }

  /** Runs a query; its failure is one of the log's errors. */
  async run<T>(query: (database: Kysely<LogTables>) => Promise<T>): Promise<T> {
    this.checkOpen();
    try {
      return await query(this.#database);
    } catch (error) {
      throw logError(this.file, error);
    }
  }

  /** @throws LogUnavailableError after {@link LogQueries.close} */
  checkOpen(): void {
    if (this.#closed) throw new LogUnavailableError(this.file, "it is closed");
  }

  /** Queries fail from now on. */
  close(): void {
    this.#closed = true;
  }

  /**
   * The header of a stored update.
   * @throws LogCorruptError when it is damaged or of another version
   */
  checkUpdate(row: {
    readonly version: number;
    readonly fingerprint: string;
    readonly bytes: Uint8Array;
  }): UpdateHeader {
    const { version, fingerprint, bytes } = row;
    const update = readable(this.file, `update ${version}`, () => readUpdateHeader(bytes));
    if (update.toVersion !== version || update.fingerprintAfter !== fingerprint) {
      throw new LogCorruptError(this.file, `update ${version} holds another one`);
    }
    return update;
  }

  async #missing(version: number, from: number): Promise<EverfreshError> {
    const oldest = await this.oldest();
    // The oldest anchor's own update may be gone with those before it.
    if (version !== from || (oldest !== null && version > oldest)) {
      return new LogCorruptError(this.file, `version ${version} is missing`);
    }
    const newest = (await this.head())?.version ?? 0;
    return new VersionNotKeptError(version, { oldest: oldest ?? newest, newest });
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
