import { sql } from "kysely";

import type { LogQueries } from "./log-queries.ts";

/** Updates since the newest anchor. */
export interface SinceAnchor {
  readonly versions: number;
  readonly bytes: number;
  /** Of that anchor; 0 without one, so that an anchor is due at once. */
  readonly anchorBytes: number;
}

/** Keeps count of a log's bytes, so that policies need not ask the database at each update. */
export class LogSizes {
  #since: SinceAnchor = { versions: 0, bytes: 0, anchorBytes: 0 };
  /** Of updates and anchors; null until someone asks, since counting reads the whole log. */
  #total: number | null = null;

  private constructor() {
    // Made by `of`.
  }

  /** The sizes of a log now. */
  static async of(queries: LogQueries): Promise<LogSizes> {
    const sizes = new LogSizes();
    await sizes.#measure(queries);
    return sizes;
  }

  /** What has come since the newest anchor. */
  get sinceAnchor(): SinceAnchor {
    return this.#since;
  }

  /** An update of so many bytes was appended. */
  appended(bytes: number): void {
    const { versions, bytes: before, anchorBytes } = this.#since;
    this.#since = { versions: versions + 1, bytes: before + bytes, anchorBytes };
    this.#add(bytes);
  }

  /** An anchor of so many bytes was stored. */
  async anchored(queries: LogQueries, bytes: number): Promise<void> {
    await this.#measure(queries);
    this.#add(bytes);
  }

  /** So many bytes were deleted. */
  deleted(bytes: number): void {
    this.#add(-bytes);
  }

  /** Bytes of all updates and anchors. */
  async total(queries: LogQueries): Promise<number> {
    this.#total ??= await bytesBetween(queries, 0, Number.MAX_SAFE_INTEGER);
    return this.#total;
  }

  #add(bytes: number): void {
    if (this.#total !== null) this.#total += bytes;
  }

  async #measure(queries: LogQueries): Promise<void> {
    const anchor = await queries.run((database) =>
      database
        .selectFrom("log_anchors")
        .select(["version", sql<number>`length(bytes)`.as("byteLength")])
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    const since = await queries.run((database) =>
      database
        .selectFrom("log_updates")
        .select(({ fn }) => [
          fn.countAll<number>().as("versions"),
          sql<number | null>`sum(length(bytes))`.as("bytes"),
        ])
        .where("version", ">", anchor?.version ?? -1)
        .executeTakeFirst(),
    );
    this.#since = {
      versions: since?.versions ?? 0,
      bytes: since?.bytes ?? 0,
      anchorBytes: anchor?.byteLength ?? 0,
    };
  }
}

/** Bytes of the updates and anchors from version `from` up to but without `to`. */
export async function bytesBetween(queries: LogQueries, from: number, to: number): Promise<number> {
  const totals = await queries.run((database) =>
    Promise.all(
      (["log_updates", "log_anchors"] as const).map((table) =>
        database
          .selectFrom(table)
          .select(sql<number | null>`sum(length(bytes))`.as("total"))
          .where("version", ">=", from)
          .where("version", "<", to)
          .executeTakeFirst(),
      ),
    ),
  );
  return totals.reduce((sum, row) => sum + (row?.total ?? 0), 0);
}
