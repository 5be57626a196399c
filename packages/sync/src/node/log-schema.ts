import type { Kysely } from "kysely";

/** The tables of an update log; other stores may keep theirs in the same file. */
export interface LogTables {
  /** Facts about the log itself: its id, its format, its epoch. */
  readonly log_facts: { readonly name: string; readonly value: string };
  /** The manifest that opens each generation. */
  readonly log_generations: {
    /** From 1. */
    readonly number: number;
    readonly first_version: number;
    /** SHA-256 of the manifest, in hexadecimal. */
    readonly hash: string;
    /** As `encodeManifest` made it. */
    readonly manifest: Uint8Array;
    readonly time_ms: number;
  };
  /** Every update, as `encodeUpdate` made it, with what is known about how it came to be. */
  readonly log_updates: NamedBytes & {
    /** Training steps made; null where nobody trains. */
    readonly step: number | null;
    /** Samples of the history that were learned from. */
    readonly samples: number | null;
    /** Random words that the sampler has drawn. */
    readonly drawn: number | null;
  };
  /** Full states, as `encodeSnapshot` made them. */
  readonly log_anchors: NamedBytes;
  /** What the newest updates replaced. */
  readonly log_undo: { readonly version: number; readonly bytes: Uint8Array };
  /** Every rollback there ever was: retention does not apply to them. */
  readonly log_rollbacks: {
    /** The version that it made. */
    readonly version: number;
    /** The version whose state it brought back. */
    readonly to_version: number;
    /** Positions of the history that are not sampled any more; null for none. */
    readonly excluded_from: number | null;
    readonly excluded_to: number | null;
    /** 1 if the optimizer started anew. */
    readonly optimizer_reset: number;
    readonly time_ms: number;
  };
}

interface NamedBytes {
  readonly version: number;
  readonly fingerprint: string;
  readonly bytes: Uint8Array;
  /** When it was committed, Unix milliseconds. */
  readonly time_ms: number;
}

/** The layout of the tables; another number means another release wrote them. */
export const LOG_FORMAT = "2";

/** Makes the tables that are not there yet. */
export async function createLogTables({ schema }: Kysely<LogTables>): Promise<void> {
  await schema
    .createTable("log_facts")
    .ifNotExists()
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .execute();
  await schema
    .createTable("log_generations")
    .ifNotExists()
    .addColumn("number", "integer", (column) => column.primaryKey())
    .addColumn("first_version", "integer", (column) => column.notNull())
    .addColumn("hash", "text", (column) => column.notNull())
    .addColumn("time_ms", "integer", (column) => column.notNull())
    .addColumn("manifest", "blob", (column) => column.notNull())
    .execute();
  // Bytes come last: what is asked of many rows at once is found before them.
  await schema
    .createTable("log_updates")
    .ifNotExists()
    .addColumn("version", "integer", (column) => column.primaryKey())
    .addColumn("fingerprint", "text", (column) => column.notNull())
    .addColumn("time_ms", "integer", (column) => column.notNull())
    .addColumn("step", "integer")
    .addColumn("samples", "integer")
    .addColumn("drawn", "integer")
    .addColumn("bytes", "blob", (column) => column.notNull())
    .execute();
  await schema
    .createTable("log_anchors")
    .ifNotExists()
    .addColumn("version", "integer", (column) => column.primaryKey())
    .addColumn("fingerprint", "text", (column) => column.notNull())
    .addColumn("time_ms", "integer", (column) => column.notNull())
    .addColumn("bytes", "blob", (column) => column.notNull())
    .execute();
  await schema
    .createTable("log_undo")
    .ifNotExists()
    .addColumn("version", "integer", (column) => column.primaryKey())
    .addColumn("bytes", "blob", (column) => column.notNull())
    .execute();
  await schema
    .createTable("log_rollbacks")
    .ifNotExists()
    .addColumn("version", "integer", (column) => column.primaryKey())
    .addColumn("to_version", "integer", (column) => column.notNull())
    .addColumn("excluded_from", "integer")
    .addColumn("excluded_to", "integer")
    .addColumn("optimizer_reset", "integer", (column) => column.notNull())
    .addColumn("time_ms", "integer", (column) => column.notNull())
    .execute();
}
