import { type Clock, systemClock, type Update } from "@everfresh/core";
import Database from "better-sqlite3";
import { randomUUID } from "node:crypto";

import { encodeManifest } from "../codec/manifest-codec.ts";
import { encodeSnapshot } from "../codec/snapshot-codec.ts";
import { LogGapError } from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";
import { type Generation, generationId, hashOf, type ModelManifest } from "./generation.ts";
import { compactLog } from "./log-compaction.ts";
import { BUSY_TIMEOUT_MS, LogDatabase } from "./log-database.ts";
import type { AppendOptions, LogEntry, Rollback } from "./log-entry.ts";
import { listEntries } from "./log-listing.ts";
import { type AnchorPolicy, checkPolicies, isAnchorDue, type Retention } from "./log-policy.ts";
import { LogQueries, logError } from "./log-queries.ts";
import { createLogTables, LOG_FORMAT } from "./log-schema.ts";
import { LogSizes } from "./log-sizes.ts";
import { LogStatements } from "./log-statements.ts";
import { syncFile } from "./sync-file.ts";
import type { UpdateLog } from "./update-log.ts";
import { WriterFence } from "./writer-fence.ts";
import { lockForWriting, type WriterLock } from "./writer-lock.ts";

/** Options of {@link openUpdateLog}. */
export interface UpdateLogOptions {
  /** Path of the SQLite file; made when it is not there. Other stores may use it too. */
  readonly file: string;
  /** When full states are to be stored. @default see {@link AnchorPolicy} */
  readonly anchors?: AnchorPolicy;
  /** What `compact` keeps. @default everything */
  readonly retention?: Retention;
  /** @default the system's */
  readonly clock?: Clock;
  /** Id of a new log. @default a random UUID */
  readonly newId?: () => string;
  /** Opens the database. @default better-sqlite3 */
  readonly connect?: (file: string) => Database.Database;
}

/**
 * Opens the log in `file` for writing.
 * @throws LogLockedError when another writer has it open
 * @throws LogUnavailableError when the file cannot be opened, read or written
 * @throws LogCorruptError when it is not a log, or damaged where the newest version is
 * @throws UnsupportedFormatError when another release wrote it
 */
export async function openUpdateLog(options: UpdateLogOptions): Promise<UpdateLog> {
  const { file } = options;
  checkPolicies(options.anchors ?? {}, options.retention ?? {});
  const lock = lockForWriting(file);
  let database: LogDatabase | null = null;
  try {
    database = connect(options);
    await createLogTables(database.queries);
    return await SqliteUpdateLog.open(options, database, lock);
  } catch (error) {
    await database?.close();
    lock.release();
    throw logError(file, error);
  }
}

class SqliteUpdateLog implements UpdateLog {
  readonly id: string;
  readonly epoch: number;
  readonly #options: UpdateLogOptions;
  readonly #clock: Clock;
  readonly #database: LogDatabase;
  readonly #queries: LogQueries;
  readonly #statements: LogStatements;
  readonly #fence: WriterFence;
  readonly #lock: WriterLock;
  readonly #sizes: LogSizes;
  #head: StateName | null;
  #disposal: Promise<void> | null = null;

  private constructor(
    options: UpdateLogOptions,
    database: LogDatabase,
    lock: WriterLock,
    opened: {
      readonly id: string;
      readonly queries: LogQueries;
      readonly fence: WriterFence;
      readonly sizes: LogSizes;
      readonly head: StateName | null;
    },
  ) {
    this.id = opened.id;
    this.epoch = opened.fence.epoch;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#database = database;
    this.#queries = opened.queries;
    this.#statements = new LogStatements(database.queries);
    this.#fence = opened.fence;
    this.#lock = lock;
    this.#sizes = opened.sizes;
    this.#head = opened.head;
  }

  static async open(
    options: UpdateLogOptions,
    database: LogDatabase,
    lock: WriterLock,
  ): Promise<SqliteUpdateLog> {
    const { file, newId = randomUUID } = options;
    await database.queries
      .insertInto("log_facts")
      .values([
        { name: "id", value: newId() },
        { name: "format", value: LOG_FORMAT },
      ])
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const queries = new LogQueries(file, database.queries);
    const id = await queries.id();
    const head = await queries.head();
    const sizes = await LogSizes.of(queries);
    const fence = WriterFence.take(file, database);
    return new SqliteUpdateLog(options, database, lock, { id, queries, fence, sizes, head });
  }

  get anchorDue(): boolean {
    return isAnchorDue(this.#options.anchors ?? {}, this.#sizes.sinceAnchor);
  }

  head(): StateName | null {
    return this.#head;
  }

  // Async without await: the work is synchronous, its errors still arrive as rejections.
  // eslint-disable-next-line @typescript-eslint/require-await
  async append(update: Update, bytes: Uint8Array, options: AppendOptions = {}): Promise<void> {
    this.#checkFollows(update);
    const name = { version: update.toVersion, fingerprint: update.fingerprintAfter };
    const timeMs = this.#now();
    const statements = this.#statements.append({ ...name, timeMs, bytes }, options);
    this.#write(statements, { through: options.rollback !== undefined });
    this.#sizes.appended(bytes.byteLength);
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
    this.#write([this.#statements.putAnchor({ version, fingerprint, timeMs: this.#now(), bytes })]);
    await this.#sizes.anchored(this.#queries, bytes.byteLength);
    if (version > (this.#head?.version ?? -1)) this.#head = { version, fingerprint };
  }

  async openGeneration(manifest: ModelManifest, first: Snapshot): Promise<Generation> {
    const hash = hashOf(manifest, this.id);
    const current = await this.#queries.generation();
    const isFresh = !(await this.#queries.hasUpdates()) && (current?.number ?? 1) === 1;
    if (current?.hash === hash && !isFresh) return current;
    const head = this.#head?.version ?? null;
    if (!isFresh && head !== null && first.version !== head + 1) {
      throw new LogGapError(`generation from version ${first.version} after version ${head}`);
    }
    const number = isFresh ? 1 : (current?.number ?? 0) + 1;
    const id = generationId(this.id, number);
    const opened = {
      number,
      firstVersion: first.version,
      hash,
      manifest: encodeManifest({ ...manifest, logId: id }),
      timeMs: this.#now(),
    };
    const { version, fingerprint } = first;
    const anchor = { version, fingerprint, timeMs: opened.timeMs, bytes: encodeSnapshot(first) };
    this.#write(
      [
        ...(isFresh ? this.#statements.clear() : []),
        this.#statements.openGeneration(opened),
        this.#statements.putAnchor(anchor),
      ],
      { through: true },
    );
    await this.#sizes.anchored(this.#queries, anchor.bytes.byteLength);
    this.#head = { version, fingerprint };
    return { ...opened, id, manifest: { ...manifest, logId: id } };
  }

  async nearestAnchor(version: number): Promise<Snapshot | null> {
    return this.#queries.nearestAnchor(version);
  }

  async undoRecords(from: number, to: number): Promise<readonly Uint8Array[] | null> {
    return this.#queries.undoRecords(from, to);
  }

  async oldest(): Promise<number | null> {
    return this.#queries.oldest();
  }

  async generation(version?: number): Promise<Generation | null> {
    return this.#queries.generation(version);
  }

  async entries(options: {
    readonly limit: number;
    readonly before?: number;
  }): Promise<readonly LogEntry[]> {
    return listEntries(this.#queries, options);
  }

  async rollbacks(): Promise<readonly Rollback[]> {
    return this.#queries.rollbacks();
  }

  async flush(): Promise<void> {
    this.#queries.checkOpen();
    await syncFile(`${this.#options.file}-wal`);
  }

  async compact({ keep }: { readonly keep: number }): Promise<number> {
    const { retention } = this.#options;
    if (retention === undefined || this.#head === null) return 0;
    return compactLog({
      queries: this.#queries,
      statements: this.#statements,
      write: (statements) => this.#write(statements),
      sizes: this.#sizes,
      retention,
      head: this.#head.version,
      keep,
      nowMs: this.#now(),
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#queries.close();
    this.#disposal ??= this.#database.close().finally(() => this.#lock.release());
    return this.#disposal;
  }

  /** @throws LogGapError unless the update leads from the head to the version after it */
  #checkFollows({ fromVersion, toVersion, fingerprintBefore }: Update): void {
    const version = this.#head?.version ?? 0;
    if (fromVersion !== version || toVersion !== version + 1) {
      const versions = { version, fromVersion, toVersion };
      throw new LogGapError(`${fromVersion} to ${toVersion} after version ${version}`, versions);
    }
    if (this.#head !== null && fingerprintBefore !== this.#head.fingerprint) {
      throw new LogGapError(
        `it starts from ${fingerprintBefore}, version ${version} is ${this.#head.fingerprint}`,
      );
    }
  }

  /** One transaction; with `through` it is on the disk when this returns. */
  #write(
    statements: Parameters<LogDatabase["write"]>[0],
    { through = false }: { readonly through?: boolean } = {},
  ): void {
    this.#queries.checkOpen();
    const check = (): void => this.#fence.check(this.#database);
    try {
      if (through) this.#database.writeThrough(statements, check);
      else this.#database.write(statements, check);
    } catch (error) {
      throw logError(this.#options.file, error);
    }
  }

  #now(): number {
    return Math.floor(this.#clock.nowMs());
  }
}

/**
 * Pages of 4 KiB that may wait in the write-ahead log before this connection moves them into the file,
 * which takes milliseconds, and an update would wait for them. The history beside the log does so at
 * SQLite's 1,000 pages, where nobody waits; without one this bounds the file to 16 MiB.
 */
const WAL_PAGES_MAX = 4_000;

function connect({ file, connect: open }: UpdateLogOptions): LogDatabase {
  const connection = open?.(file) ?? new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    connection.pragma("journal_mode = WAL");
    connection.pragma("synchronous = NORMAL");
    connection.pragma(`wal_autocheckpoint = ${WAL_PAGES_MAX}`);
  } catch (error) {
    connection.close();
    throw error;
  }
  return new LogDatabase(connection);
}
