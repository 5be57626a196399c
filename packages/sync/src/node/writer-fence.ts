import { sql } from "kysely";

import { LogLockedError } from "../errors.ts";
import type { LogDatabase } from "./log-database.ts";

/**
 * The epoch of a writer: a number in the log itself that every opening for writing raises. Each write
 * checks it inside its transaction, so that of two writers that both believe to have the lock, as can
 * be on a network file system, only the newer one writes.
 */
export class WriterFence {
  readonly epoch: number;
  readonly #file: string;

  private constructor(file: string, epoch: number) {
    this.#file = file;
    this.epoch = epoch;
  }

  /** Raises the epoch of the log in `file`. */
  static take(file: string, database: LogDatabase): WriterFence {
    database.write([RAISE.compile(database.queries)], () => undefined);
    return new WriterFence(file, epochIn(database));
  }

  /** @throws LogLockedError when there is a newer writer */
  check(database: LogDatabase): void {
    const epoch = epochIn(database);
    if (epoch === this.epoch) return;
    throw new LogLockedError(
      this.#file,
      `a writer of epoch ${epoch}, after this one's ${this.epoch}`,
    );
  }
}

const RAISE = sql`
  INSERT INTO log_facts (name, value) VALUES ('epoch', '1')
  ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)`;

const READ = sql`SELECT value FROM log_facts WHERE name = 'epoch'`;

function epochIn(database: LogDatabase): number {
  const row = database.first(READ.compile(database.queries)) as { readonly value: string };
  return Number(row.value);
}
