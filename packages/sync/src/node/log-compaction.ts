import type { CompiledQuery } from "kysely";
import { setImmediate as nextTurn } from "node:timers/promises";

import { isBeyond, type Retention } from "./log-policy.ts";
import type { LogQueries } from "./log-queries.ts";
import { bytesBetween, type LogSizes } from "./log-sizes.ts";
import type { LogStatements } from "./log-statements.ts";

/** Updates that one transaction deletes: others wait for it, and it takes a few milliseconds. */
const SLICE_VERSIONS = 256;

/** What {@link compactLog} works with. */
export interface CompactionOptions {
  readonly queries: LogQueries;
  readonly statements: LogStatements;
  /** Runs statements as one transaction. */
  readonly write: (statements: readonly CompiledQuery[]) => void;
  readonly sizes: LogSizes;
  readonly retention: Retention;
  /** The newest version. */
  readonly head: number;
  /** Versions from here on stay. */
  readonly keep: number;
  readonly nowMs: number;
}

/**
 * Deletes the oldest part of a log, from one anchor to the next, while it is beyond retention. The
 * oldest version that can be reconstructed is that of the oldest anchor: deleting that one takes the
 * whole part away at once, and what then goes slice by slice is not reachable any more. So whenever
 * the process dies, every version from the oldest anchor on is there, and a next run deletes the rest.
 */
export async function compactLog(options: CompactionOptions): Promise<number> {
  const { queries, statements, write, sizes } = options;
  let deleted = await deleteUnreachable(options);
  for (;;) {
    const [oldest, next] = await twoOldestAnchors(queries);
    if (oldest === undefined || next === undefined || next.version > options.keep) return deleted;
    const bytes = options.retention.bytes === undefined ? 0 : await sizes.total(queries);
    const { retention, head, nowMs } = options;
    if (!isBeyond(retention, { nextAnchor: next, head, bytes, nowMs })) return deleted;
    sizes.deleted(await bytesBetween(queries, oldest.version, next.version));
    write([statements.deleteAnchor(oldest.version)]);
    deleted += await deleteUnreachable(options);
  }
}

/** Deletes the updates before the oldest anchor; its own stays, to tell how that version came to be. */
async function deleteUnreachable({
  queries,
  statements,
  write,
}: CompactionOptions): Promise<number> {
  const [oldest] = await twoOldestAnchors(queries);
  if (oldest === undefined) return 0;
  let deleted = 0;
  for (;;) {
    const first = await oldestUpdate(queries);
    if (first === null || first >= oldest.version) return deleted;
    const last = Math.min(first + SLICE_VERSIONS, oldest.version) - 1;
    write(statements.deleteUpdates(first, last));
    deleted += last - first + 1;
    // Whoever waits for the file or for this thread comes first.
    await nextTurn();
  }
}

async function oldestUpdate(queries: LogQueries): Promise<number | null> {
  const row = await queries.run((database) =>
    database
      .selectFrom("log_updates")
      .select("version")
      .orderBy("version")
      .limit(1)
      .executeTakeFirst(),
  );
  return row?.version ?? null;
}

async function twoOldestAnchors(
  queries: LogQueries,
): Promise<readonly { readonly version: number; readonly timeMs: number }[]> {
  const rows = await queries.run((database) =>
    database
      .selectFrom("log_anchors")
      .select(["version", "time_ms"])
      .orderBy("version")
      .limit(2)
      .execute(),
  );
  return rows.map(({ version, time_ms: timeMs }) => ({ version, timeMs }));
}
