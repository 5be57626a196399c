import { sql } from "kysely";

import type { LogEntry, Lineage, Rollback } from "./log-entry.ts";
import type { LogQueries } from "./log-queries.ts";

/** Most versions in one list: their updates are read for it. */
const ENTRIES_MAX = 10_000;

/** The versions of a log up to `before`, newest first, with everything that is known about each. */
export async function listEntries(
  log: LogQueries,
  options: { readonly limit: number; readonly before?: number },
): Promise<readonly LogEntry[]> {
  const { before = Number.MAX_SAFE_INTEGER } = options;
  const limit = Math.min(options.limit, ENTRIES_MAX);
  const oldest = (await log.oldest()) ?? 0;
  const [updates, anchors, generations] = await log.run((database) =>
    Promise.all([
      database
        .selectFrom("log_updates")
        .selectAll()
        .where("version", "<=", before)
        // While versions are being deleted, some of their updates are still there.
        .where("version", ">=", oldest)
        .orderBy("version", "desc")
        .limit(limit)
        .execute(),
      database
        .selectFrom("log_anchors")
        .select(["version", "fingerprint", "time_ms", sql<number>`length(bytes)`.as("byteLength")])
        .where("version", "<=", before)
        .orderBy("version", "desc")
        .limit(limit)
        .execute(),
      database
        .selectFrom("log_generations")
        .select(["number", "first_version"])
        .orderBy("number", "desc")
        .execute(),
    ]),
  );
  const rollbacks = new Map((await log.rollbacks()).map((entry) => [entry.version, entry]));
  const anchorBytes = new Map(anchors.map(({ version, byteLength }) => [version, byteLength]));
  const shared = (version: number): Shared => ({
    anchorBytes: anchorBytes.get(version) ?? null,
    generation: generations.find((entry) => entry.first_version <= version)?.number ?? 0,
    rollback: rollbacks.get(version) ?? null,
  });
  const byUpdate = updates.map((row): LogEntry => {
    const { entries, valueType, eventTimeMs } = log.checkUpdate(row);
    const { version, fingerprint, time_ms: timeMs, bytes } = row;
    const update = { entries, bytes: bytes.byteLength, valueType, eventTimeMs };
    return { version, fingerprint, timeMs, ...update, lineage: lineageOf(row), ...shared(version) };
  });
  const withUpdate = new Set(byUpdate.map(({ version }) => version));
  const byAnchor = anchors
    .filter(({ version }) => !withUpdate.has(version))
    .map(({ version, fingerprint, time_ms: timeMs }): LogEntry => {
      const none = { entries: null, bytes: null, valueType: null, eventTimeMs: null };
      return { version, fingerprint, timeMs, ...none, lineage: null, ...shared(version) };
    });
  return [...byUpdate, ...byAnchor].sort((a, b) => b.version - a.version).slice(0, limit);
}

interface Shared {
  readonly anchorBytes: number | null;
  readonly generation: number;
  readonly rollback: Rollback | null;
}

function lineageOf({
  step,
  samples,
  drawn,
}: {
  readonly [Field in keyof Lineage]: number | null;
}): Lineage | null {
  return step === null || samples === null || drawn === null ? null : { step, samples, drawn };
}
