import type { CompiledQuery, Kysely } from "kysely";

import type { AppendOptions } from "./log-entry.ts";
import type { LogTables } from "./log-schema.ts";

/**
 * Undo records are kept for so many of the newest versions: a rollback is mostly to one of them, and
 * anchors lead to the others. What that saves and costs was measured: docs/decisions/0014.
 */
export const UNDO_VERSIONS = 256;

/** A row of named bytes. */
interface Stored {
  readonly version: number;
  readonly fingerprint: string;
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly bytes: Uint8Array;
}

/** The statements that change a log. */
export class LogStatements {
  readonly #database: Kysely<LogTables>;

  constructor(database: Kysely<LogTables>) {
    this.#database = database;
  }

  /** Stores an update with all that goes with it. */
  append({ timeMs, ...stored }: Stored, options: AppendOptions): readonly CompiledQuery[] {
    const { version } = stored;
    const { undo, rollback, lineage } = options;
    const { step = null, samples = null, drawn = null } = lineage ?? {};
    const row = { ...stored, time_ms: timeMs, step, samples, drawn };
    const statements: CompiledQuery[] = [
      this.#database.insertInto("log_updates").values(row).compile(),
    ];
    if (undo !== undefined) {
      statements.push(
        this.#database.insertInto("log_undo").values({ version, bytes: undo }).compile(),
        this.#database
          .deleteFrom("log_undo")
          .where("version", "<=", version - UNDO_VERSIONS)
          .compile(),
      );
    }
    if (rollback !== undefined) {
      const entry = {
        version,
        to_version: rollback.toVersion,
        excluded_from: rollback.excluded?.from ?? null,
        excluded_to: rollback.excluded?.to ?? null,
        optimizer_reset: rollback.optimizerReset ? 1 : 0,
        time_ms: timeMs,
      };
      statements.push(this.#database.insertInto("log_rollbacks").values(entry).compile());
    }
    return statements;
  }

  /** Stores a full state, in place of one at the same version. */
  putAnchor({ timeMs: time_ms, ...stored }: Stored): CompiledQuery {
    const { fingerprint, bytes } = stored;
    return this.#database
      .insertInto("log_anchors")
      .values({ ...stored, time_ms })
      .onConflict((conflict) =>
        conflict.column("version").doUpdateSet({ fingerprint, bytes, time_ms }),
      )
      .compile();
  }

  /** Begins a generation. */
  openGeneration(generation: {
    readonly number: number;
    readonly firstVersion: number;
    readonly hash: string;
    readonly manifest: Uint8Array;
    readonly timeMs: number;
  }): CompiledQuery {
    const { firstVersion: first_version, timeMs: time_ms, ...rest } = generation;
    return this.#database
      .insertInto("log_generations")
      .values({ ...rest, first_version, time_ms })
      .compile();
  }

  /** Empties a log to which nothing was appended. */
  clear(): readonly CompiledQuery[] {
    return (["log_generations", "log_anchors"] as const).map((table) =>
      this.#database.deleteFrom(table).compile(),
    );
  }

  /** Deletes an anchor. */
  deleteAnchor(version: number): CompiledQuery {
    return this.#database.deleteFrom("log_anchors").where("version", "=", version).compile();
  }

  /** Deletes updates, and the undo records that lead back to before them, from `from` to `to`. */
  deleteUpdates(from: number, to: number): readonly CompiledQuery[] {
    return (["log_updates", "log_undo"] as const).map((table) =>
      this.#database
        .deleteFrom(table)
        .where("version", ">=", from)
        .where("version", "<=", to)
        .compile(),
    );
  }
}
