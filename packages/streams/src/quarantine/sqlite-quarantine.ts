import type Database from "better-sqlite3";
import { type Clock, crc32 } from "@everfresh/core";
import { QuarantineFullError } from "../errors.ts";
import { wipeOut } from "../erasure/wipe-out.ts";
import type { FaultKind } from "../tables/row-fault.ts";
import type { QuarantineOptions } from "./memory-quarantine.ts";
import {
  type BrokenRow,
  keptBytes,
  LISTED_DEFAULT,
  type Quarantine,
  type QuarantinedRow,
  type QuarantineListing,
  WAITING_MAX_DEFAULT,
} from "./quarantine.ts";
import { openQuarantineDatabase, quarantineUnreadable } from "./quarantine-database.ts";

/** Options of {@link openQuarantine}. */
export interface SqliteQuarantineOptions extends QuarantineOptions {
  /**
   * Path of the SQLite file; created if missing, its directory must exist. Other stores may use it
   * too.
   */
  readonly file: string;
}

/**
 * Opens or creates a quarantine in a SQLite file (WAL mode, synchronous NORMAL): what was stored
 * survives the death of the process.
 * @throws QuarantineUnreadableError when the file cannot be opened or is damaged
 * @throws QuarantineVersionError when a newer Everfresh has written it
 */
export function openQuarantine(options: SqliteQuarantineOptions): Promise<Quarantine> {
  // The work is synchronous; as a promise its errors arrive as rejections.
  return Promise.resolve().then(() => new SqliteQuarantine(options));
}

interface StoredRow {
  readonly number: number;
  readonly source: string;
  readonly place: string;
  readonly bytes: Uint8Array;
  readonly kind: string;
  readonly column_name: string | null;
  readonly reason: string;
  readonly at_ms: number;
}

class SqliteQuarantine implements Quarantine {
  readonly #file: string;
  readonly #database: Database.Database;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #waitingMax: number;

  constructor({ file, clock, waitingMax = WAITING_MAX_DEFAULT }: SqliteQuarantineOptions) {
    this.#file = file;
    this.#clock = clock;
    this.#waitingMax = waitingMax;
    this.#database = openQuarantineDatabase(file);
  }

  put(rows: readonly BrokenRow[]): Promise<void> {
    return this.#run((database) => {
      const insert = database.prepare(
        "INSERT INTO quarantine (source, place, bytes, checksum, kind, column_name, reason, at_ms)" +
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      );
      const store = database.transaction(() => {
        const before = this.#waiting();
        const atMs = this.#clock.nowMs();
        for (const { source, place, bytes, fault } of rows) {
          const kept = keptBytes(bytes);
          const { kind, column, reason } = fault;
          insert.run(source, place, kept, crc32(kept), kind, column, reason, atMs);
        }
        if (this.#waiting() <= this.#waitingMax) return;
        throw new QuarantineFullError(before, this.#waitingMax);
      });
      store.immediate();
    });
  }

  known(source: string): Promise<ReadonlySet<string>> {
    return this.#run((database) => {
      const rows = database.prepare<[string], { place: string; checksum: number }>(
        "SELECT place, checksum FROM quarantine WHERE source = ?",
      );
      const keys = new Set<string>();
      for (const { place, checksum } of rows.iterate(source)) keys.add(`${checksum} ${place}`);
      return keys;
    });
  }

  list({ after = 0, limit = LISTED_DEFAULT }: QuarantineListing = {}): Promise<
    readonly QuarantinedRow[]
  > {
    return this.#run((database) =>
      database
        .prepare<[number, number], StoredRow>(
          "SELECT * FROM quarantine WHERE resolved = 0 AND number > ? ORDER BY number LIMIT ?",
        )
        .all(after, limit)
        .map(rowOf),
    );
  }

  counts(): Promise<Readonly<Partial<Record<FaultKind, number>>>> {
    return this.#run((database) => {
      const found = database
        .prepare<[], { kind: FaultKind; count: number }>(
          "SELECT kind, COUNT(*) AS count FROM quarantine WHERE resolved = 0 GROUP BY kind",
        )
        .all();
      const counts: Partial<Record<FaultKind, number>> = {};
      for (const { kind, count } of found) counts[kind] = count;
      return counts;
    });
  }

  resolve(numbers: readonly number[]): Promise<void> {
    return this.#run((database) => {
      const mark = database.prepare("UPDATE quarantine SET resolved = 1 WHERE number = ?");
      const markAll = database.transaction(() => {
        for (const number of numbers) mark.run(number);
      });
      markAll.immediate();
    });
  }

  erase(isMeant: (row: BrokenRow) => boolean): Promise<number> {
    return this.#run((database) => {
      const meant: number[] = [];
      const all = database.prepare<[], StoredRow>("SELECT * FROM quarantine ORDER BY number");
      for (const row of all.iterate()) if (isMeant(rowOf(row))) meant.push(row.number);
      const wipe = database.prepare(
        "UPDATE quarantine SET bytes = x'', reason = '', column_name = NULL, resolved = 1" +
          " WHERE number = ?",
      );
      wipeOut(database, () => {
        for (const number of meant) wipe.run(number);
      });
      return meant.length;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }

  #waiting(): number {
    const count = this.#database.prepare<[], { count: number }>(
      "SELECT COUNT(*) AS count FROM quarantine WHERE resolved = 0",
    );
    return count.get()?.count ?? 0;
  }

  /** The work is synchronous; its errors still arrive as rejections. */
  #run<T>(work: (database: Database.Database) => T): Promise<T> {
    return Promise.resolve().then(() => {
      try {
        return work(this.#database);
      } catch (cause) {
        throw quarantineUnreadable(this.#file, cause);
      }
    });
  }
}

function rowOf(row: StoredRow): QuarantinedRow {
  return {
    number: row.number,
    source: row.source,
    place: row.place,
    bytes: new Uint8Array(row.bytes),
    fault: { kind: row.kind as FaultKind, column: row.column_name, reason: row.reason },
    atMs: row.at_ms,
  };
}
