import type Database from "better-sqlite3";
import { assert, type Clock } from "@everfresh/core";
import { wipeOut } from "../erasure/wipe-out.ts";
import { LabelBacklogError, LabelsUnreadableError, LabelsWriteError } from "../errors.ts";
import { isSqlite } from "../history/history-database.ts";
import { labelsUnreadable, openLabelDatabase } from "./label-database.ts";
import {
  type ArrivedLabel,
  type JoinedPrediction,
  type LabelEvent,
  type LabelFate,
  type LabelJoin,
  type LabelJoinOptions,
  labelLimits,
  type LabelLimits,
  type LabelStats,
  type LabelTurn,
  type PendingPrediction,
  type Prediction,
  type PredictionFate,
  type TakeOptions,
} from "./label-join.ts";
import { checkJoinedRange, checkTurnRange } from "./label-ranges.ts";
import { LabelRules } from "./label-rules.ts";
import { statsOf } from "./label-stats.ts";
import type { LabelState } from "./label-tables.ts";
import { sqliteLabelTables, type SqliteLabelTables } from "./sqlite-label-tables.ts";

/** Options of {@link openLabelJoin}. */
export interface SqliteLabelJoinOptions extends LabelJoinOptions {
  /**
   * Path of the SQLite file; created if missing, its directory must exist. Other stores may use it
   * too.
   */
  readonly file: string;
}

/**
 * Opens or creates a label join in a SQLite file (WAL mode, synchronous NORMAL): what a call has
 * acknowledged survives the death of the process, `kill -9` included. A power failure may lose the last
 * moments, but never a part of a call, and never damages the file. One process at a time uses it.
 * @throws LabelsUnreadableError when the file cannot be opened or is damaged
 * @throws LabelsVersionError when a newer Everfresh has written it
 */
export function openLabelJoin(options: SqliteLabelJoinOptions): Promise<LabelJoin> {
  // The work is synchronous; as a promise its errors arrive as rejections.
  return Promise.resolve().then(() => new SqliteLabelJoin(options));
}

class SqliteLabelJoin implements LabelJoin {
  readonly #file: string;
  readonly #limits: LabelLimits;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #database: Database.Database;
  readonly #tables: SqliteLabelTables;
  /** As it is stored. */
  #state: LabelState;

  constructor(options: SqliteLabelJoinOptions) {
    this.#file = options.file;
    this.#limits = labelLimits(options);
    this.#clock = options.clock;
    const { database, state } = openLabelDatabase(options.file);
    this.#database = database;
    this.#state = state;
    try {
      this.#tables = sqliteLabelTables(database, options.file);
    } catch (cause) {
      database.close();
      throw labelsUnreadable(options.file, cause);
    }
  }

  // Async without await: the work is synchronous, its errors still arrive as rejections. It holds no
  // lock across turns of the event loop, where another store of this process would wait for it in vain.
  /* eslint-disable @typescript-eslint/require-await */
  async predicted(predictions: readonly Prediction[]): Promise<readonly PredictionFate[]> {
    return this.#write((rules) => rules.predicted(predictions));
  }

  async labelled(labels: readonly ArrivedLabel[]): Promise<readonly LabelFate[]> {
    return this.#write((rules) => rules.labelled(labels));
  }

  async take(events: readonly LabelEvent[], options?: TakeOptions): Promise<void> {
    this.#write((rules) => rules.take(events, options));
  }

  cursor(): number {
    return this.#state.cursor;
  }

  turns(): { readonly count: number; readonly released: number } {
    const { turns: count, turnsReleased: released } = this.#state;
    return { count, released };
  }

  async turnsIn(from: number, to: number): Promise<readonly LabelTurn[]> {
    checkTurnRange(from, to, this.#state);
    return this.#read(() => this.#tables.turnsIn(from, to));
  }

  async releaseTurns(to: number): Promise<void> {
    this.#write((rules) => rules.releaseTurns(to));
  }

  async expire(): Promise<number> {
    return this.#write((rules) => rules.expire());
  }

  joinedCount(): number {
    return this.#state.joined;
  }

  async joined(from: number, to: number): Promise<readonly JoinedPrediction[]> {
    checkJoinedRange(from, to, this.#state);
    return this.#read(() => this.#tables.joined(from, to));
  }

  async pending(sequence: number): Promise<readonly PendingPrediction[]> {
    return this.#read(() => this.#tables.waiting(sequence));
  }

  pendingBelow(sequence: number): number {
    return this.#read(() => this.#tables.waitingBelow(sequence));
  }

  async release(to: number): Promise<void> {
    this.#write((rules) => rules.release(to));
  }

  async erase(id: string): Promise<boolean> {
    return this.#write((rules) => rules.erase(id), wipeOut);
  }

  stats(): LabelStats {
    return statsOf(this.#state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
  }
  /* eslint-enable @typescript-eslint/require-await */

  #read<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (cause) {
      throw labelsUnreadable(this.#file, cause);
    }
  }

  /** Makes the changes of a call and the state after it durable together, or neither. */
  #write<Result>(
    change: (rules: LabelRules) => Result,
    durably: (database: Database.Database, change: () => void) => void = inTransaction,
  ): Result {
    const state = structuredClone(this.#state);
    const results: Result[] = [];
    try {
      durably(this.#database, () => {
        const rules = new LabelRules(this.#tables, state, this.#limits, this.#clock.nowMs());
        results.push(change(rules));
        this.#tables.saveState(state);
      });
    } catch (cause) {
      throw this.#writeError(cause);
    }
    this.#state = state;
    const [result] = results;
    assert(results.length === 1, "a change is made once");
    return result as Result;
  }

  #writeError(cause: unknown): unknown {
    const isKnown =
      cause instanceof LabelBacklogError ||
      cause instanceof RangeError ||
      cause instanceof LabelsUnreadableError;
    if (isKnown) return cause;
    if (isSqlite(cause, "SQLITE_CORRUPT")) return labelsUnreadable(this.#file, cause);
    return new LabelsWriteError(this.#file, reasonOf(cause), cause);
  }
}

function inTransaction(database: Database.Database, change: () => void): void {
  database.transaction(change).immediate();
}

function reasonOf(cause: unknown): string {
  if (
    isSqlite(cause, "SQLITE_CONSTRAINT_PRIMARYKEY") ||
    isSqlite(cause, "SQLITE_CONSTRAINT_UNIQUE")
  ) {
    return "another process has written to it; stop that process and open it again";
  }
  if (isSqlite(cause, "SQLITE_BUSY")) {
    return "another process keeps it locked; stop that process";
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return `${message}; check the disk's free space and permissions`;
}
