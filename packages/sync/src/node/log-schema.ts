import type { Kysely } from "kysely";

/** The tables of an update log; other stores may keep theirs in the same file. */
export interface LogTables {
  /** Facts about the log itself: its id, its format. */
  readonly log_facts: { readonly name: string; readonly value: string };
  /** Every update, as `encodeUpdate` made it. */
  readonly log_updates: {
    readonly version: number;
    readonly fingerprint: string;
    readonly bytes: Uint8Array;
  };
  /** Full states, as `encodeSnapshot` made them. */
  readonly log_anchors: {
    readonly version: number;
    readonly fingerprint: string;
    readonly bytes: Uint8Array;
  };
}

/** The layout of the tables; another number means another release wrote them. */
export const LOG_FORMAT = "1";

/** Makes the tables that are not there yet. */
export async function createLogTables(database: Kysely<LogTables>): Promise<void> {
  await database.schema
    .createTable("log_facts")
    .ifNotExists()
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .execute();
  for (const table of ["log_updates", "log_anchors"] as const) {
    await database.schema
      .createTable(table)
      .ifNotExists()
      .addColumn("version", "integer", (column) => column.primaryKey())
      .addColumn("fingerprint", "text", (column) => column.notNull())
      .addColumn("bytes", "blob", (column) => column.notNull())
      .execute();
  }
}
