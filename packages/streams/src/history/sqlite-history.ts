import type Database from "better-sqlite3";
import { assert, type Sample } from "@everfresh/core";
import { Kysely, SqliteDialect } from "kysely";
import { erasedId, isErased } from "../erasure/erased-sample.ts";
import { wipeOut } from "../erasure/wipe-out.ts";
import { DuplicateSampleError, HistoryWriteError } from "../errors.ts";
import {
  blankSample,
  checkPositions,
  checkRange,
  type History,
  ownedSample,
  type SampleFacts,
} from "./history.ts";
import { hotBytesOf, HotSamples } from "./hot-samples.ts";
import {
  damaged,
  isSqlite,
  openHistoryDatabase,
  unreadable,
  writeReason,
} from "./history-database.ts";
import { type HistoryDatabase, rowOf, sampleOf } from "./sample-table.ts";

/** 256 MiB: a quarter of a million MNIST images, and a small part of any machine. */
const HOT_BYTES_MAX = 256 * 2 ** 20;

/** Positions in one query; SQLite takes at most 32,766 variables. */
const POSITIONS_PER_QUERY = 500;

/** Options of {@link openHistory}. */
export interface HistoryOptions {
  /**
   * Path of the SQLite file; created if missing, its directory must exist. Other stores may use it
   * too.
   */
  readonly file: string;
  /** Memory for the newest samples, in bytes, about. @default 268435456 (256 MiB) */
  readonly hotBytesMax?: number;
}

/**
 * Opens or creates a history in a SQLite file (WAL mode, synchronous NORMAL): an append that was
 * acknowledged survives the death of the process, `kill -9` included. A power failure may lose the
 * last moments, but never a part of a batch, and never damages the file.
 *
 * The newest samples are kept in memory, from the opening on, so that sampling does not wait for
 * the disk. One process at a time appends.
 * @throws HistoryUnreadableError when the file cannot be opened or is damaged
 * @throws HistoryVersionError when a newer Everfresh has written it
 */
export function openHistory(options: HistoryOptions): Promise<History> {
  // The work is synchronous; as a promise its errors arrive as rejections.
  return Promise.resolve().then(() => new SqliteHistory(options));
}

class SqliteHistory implements History {
  readonly #file: string;
  readonly #database: Database.Database;
  readonly #queries: Kysely<HistoryDatabase>;
  readonly #hot: HotSamples;
  readonly #insert: (batch: readonly Sample[], start: number) => void;
  #count: number;
  #erased: readonly number[];

  constructor({ file, hotBytesMax = HOT_BYTES_MAX }: HistoryOptions) {
    this.#file = file;
    this.#database = openHistoryDatabase(file);
    this.#queries = new Kysely({ dialect: new SqliteDialect({ database: this.#database }) });
    try {
      this.#count = this.#storedCount();
      this.#erased = this.#storedErased();
      this.#hot = this.#loadHot(hotBytesMax);
      this.#insert = this.#prepareInsert();
    } catch (cause) {
      this.#database.close();
      throw unreadable(file, cause);
    }
  }

  // Async without await: the work is synchronous, its errors still arrive as rejections.
  // eslint-disable-next-line @typescript-eslint/require-await
  async append(samples: readonly Sample[]): Promise<number> {
    if (samples.length > 0) {
      // One that was erased on its way here stays so, at its own position.
      const stored = samples.map((sample, i) =>
        isErased(sample) ? blankSample(sample, this.#count + i) : sample,
      );
      this.#insert(stored, this.#count);
      const blank = stored.flatMap((sample, i) => (isErased(sample) ? [this.#count + i] : []));
      if (blank.length > 0) this.#erased = [...this.#erased, ...blank];
      this.#count += stored.length;
      for (const sample of stored) this.#hot.push(ownedSample(sample));
    }
    return this.#count;
  }

  count(): number {
    return this.#count;
  }

  async read(positions: readonly number[]): Promise<readonly Sample[]> {
    checkPositions(positions, this.#count);
    const hot = this.#hot;
    const hotStart = hot.start;
    const coldPositions = positions.filter((position) => position < hotStart);
    // Taken now: while the cold ones are read, an append may push hot ones out.
    const found = positions.map((position) => (position < hotStart ? null : hot.at(position)));
    if (coldPositions.length === 0) return found.filter((sample) => sample !== null);
    const cold = await this.#readCold([...new Set(coldPositions)]);
    return found.map((sample, i) => {
      const result = sample ?? cold.get(positions[i] ?? -1);
      assert(result !== undefined, `position ${positions[i] ?? "?"} was read`);
      return result;
    });
  }

  async range(from: number, to: number): Promise<readonly Sample[]> {
    checkRange(from, to, this.#count);
    return this.read(Array.from({ length: to - from }, (_, i) => from + i));
  }

  async facts(from: number, to: number): Promise<readonly SampleFacts[]> {
    checkRange(from, to, this.#count);
    const query = this.#queries
      .selectFrom("sample")
      .select(["event_time_ms as eventTimeMs", "label"])
      .where("position", ">=", from)
      .where("position", "<", to)
      .orderBy("position");
    const rows = await query.execute().catch((cause: unknown) => {
      throw unreadable(this.#file, cause);
    });
    if (rows.length < to - from) throw damaged(this.#file, from + rows.length);
    return rows;
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async erase(id: string): Promise<number | null> {
    const find = this.#database.prepare<[string], HistoryDatabase["sample"]>(
      "SELECT * FROM sample WHERE id = ?",
    );
    const row = find.get(id);
    const sample = row === undefined ? null : sampleOf(row);
    if (row === undefined || isErased(row)) return null;
    if (sample === null) throw damaged(this.#file, row.position);
    const { position } = row;
    const blank = blankSample(sample, position);
    const { features } = rowOf(position, blank);
    const wipe = this.#database.prepare(
      "UPDATE sample SET id = ?, features = ?, label = 0 WHERE position = ?",
    );
    try {
      wipeOut(this.#database, () => void wipe.run(blank.id, features, position));
    } catch (cause) {
      throw new HistoryWriteError(this.#file, writeReason(cause), cause);
    }
    this.#hot.replace(position, blank);
    this.#erased = [...this.#erased, position].toSorted((a, b) => a - b);
    return position;
  }

  positionOf(id: string): number | null {
    if (isErased({ id })) return null;
    const find = this.#database.prepare<[string], { position: number }>(
      "SELECT position FROM sample WHERE id = ?",
    );
    try {
      return find.get(id)?.position ?? null;
    } catch (cause) {
      throw unreadable(this.#file, cause);
    }
  }

  erased(): readonly number[] {
    return this.#erased;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queries.destroy();
    // Kysely closes only what it has used.
    this.#database.close();
  }

  async #readCold(positions: readonly number[]): Promise<ReadonlyMap<number, Sample>> {
    const found = new Map<number, Sample>();
    for (let at = 0; at < positions.length; at += POSITIONS_PER_QUERY) {
      const part = positions.slice(at, at + POSITIONS_PER_QUERY);
      const query = this.#queries.selectFrom("sample").selectAll().where("position", "in", part);
      const rows = await query.execute().catch((cause: unknown) => {
        throw unreadable(this.#file, cause);
      });
      for (const row of rows) {
        const sample = sampleOf(row);
        if (sample !== null) found.set(row.position, sample);
      }
    }
    for (const position of positions) {
      if (!found.has(position)) throw damaged(this.#file, position);
    }
    return found;
  }

  #storedCount(): number {
    const query = this.#queries
      .selectFrom("sample")
      .select(({ fn }) => fn.max("position").as("last"))
      .compile();
    const row = this.#database.prepare<unknown[], { last: number | null }>(query.sql).get();
    return (row?.last ?? -1) + 1;
  }

  #storedErased(): readonly number[] {
    const prefix = erasedId(0).slice(0, -1);
    const query = this.#database.prepare<[string, string], { position: number }>(
      // Its index is by id: all that begin so, ";" being the character behind ":".
      "SELECT position FROM sample WHERE id >= ? AND id < ? ORDER BY position",
    );
    return query.all(prefix, `${prefix.slice(0, -1)};`).map(({ position }) => position);
  }

  /** Reads backwards until the budget is used up, then fills the window in order. */
  #loadHot(bytesMax: number): HotSamples {
    const query = this.#queries.selectFrom("sample").selectAll().orderBy("position", "desc");
    const statement = this.#database.prepare<unknown[], HistoryDatabase["sample"]>(
      query.compile().sql,
    );
    const newest: Sample[] = [];
    let bytes = 0;
    for (const row of statement.iterate()) {
      const sample = sampleOf(row);
      if (sample === null) throw damaged(this.#file, row.position);
      bytes += hotBytesOf(sample);
      if (bytes > bytesMax) break;
      newest.push(sample);
    }
    const hot = new HotSamples(bytesMax, this.#count - newest.length);
    for (const sample of newest.reverse()) hot.push(sample);
    return hot;
  }

  /**
   * The transaction that stores a batch. It runs without a pause: other stores of this process
   * write to the same file over connections of their own, and would wait in vain for a lock that is
   * held across turns of the event loop.
   */
  #prepareInsert(): (batch: readonly Sample[], start: number) => void {
    const row = rowOf(0, { id: "", eventTimeMs: 0, features: new Uint8Array(), label: 0 });
    const query = this.#queries.insertInto("sample").values(row).compile();
    const statement = this.#database.prepare(query.sql);
    const transaction = this.#database.transaction((batch: readonly Sample[], start: number) => {
      batch.forEach((sample, i) => {
        try {
          // The statement's columns are in the order of a row's properties.
          statement.run(...Object.values(rowOf(start + i, sample)));
        } catch (cause) {
          throw isSqlite(cause, "SQLITE_CONSTRAINT_UNIQUE")
            ? new DuplicateSampleError(sample.id)
            : cause;
        }
      });
    });
    return (batch, start) => {
      try {
        transaction.immediate(batch, start);
      } catch (cause) {
        if (cause instanceof DuplicateSampleError) throw cause;
        throw new HistoryWriteError(this.#file, writeReason(cause), cause);
      }
    };
  }
}
