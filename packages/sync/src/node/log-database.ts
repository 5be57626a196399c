import type Database from "better-sqlite3";
import { type CompiledQuery, Kysely, SqliteDialect } from "kysely";

import type { LogTables } from "./log-schema.ts";

/** How long a statement waits for another store that writes to the same file. Milliseconds. */
export const BUSY_TIMEOUT_MS = 5_000;

/** Statements that are kept prepared: more than the log has different ones. */
const PREPARED_MAX = 64;

/**
 * The log's own connection: queries through Kysely, and writes as transactions without a pause.
 * Other stores of this process write to the same file over connections of their own, and would wait
 * in vain for a lock that is held across turns of the event loop.
 */
export class LogDatabase {
  readonly queries: Kysely<LogTables>;
  readonly #connection: Database.Database;
  readonly #prepared = new Map<string, Database.Statement>();

  constructor(connection: Database.Database) {
    this.#connection = connection;
    this.queries = new Kysely({ dialect: new SqliteDialect({ database: connection }) });
  }

  /**
   * Runs all statements, or none of them when `check` or one of them throws.
   * @param check called inside the transaction, before them
   */
  write(statements: readonly CompiledQuery[], check: () => void): void {
    this.#connection
      .transaction(() => {
        check();
        for (const { sql, parameters } of statements) this.#statement(sql).run(...parameters);
      })
      .immediate();
  }

  /** As {@link LogDatabase.write}, and a power failure cannot take it back either. */
  writeThrough(statements: readonly CompiledQuery[], check: () => void): void {
    this.#connection.pragma("synchronous = FULL");
    try {
      this.write(statements, check);
    } finally {
      this.#connection.pragma("synchronous = NORMAL");
    }
  }

  /** The first row of a query, at once. */
  first(query: CompiledQuery): unknown {
    return this.#statement(query.sql).get(...query.parameters);
  }

  async close(): Promise<void> {
    await this.queries.destroy();
    // Kysely closes only what it has used.
    this.#connection.close();
  }

  #statement(sql: string): Database.Statement {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    if (this.#prepared.size >= PREPARED_MAX) this.#prepared.clear();
    const statement = this.#connection.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}
