import { openUpdateLogReader, type LogEntry } from "@everfresh/sync/node";
import type { RunRecord, StateDirectory } from "../state/state-directory.ts";

/** A version of a log, for people and programs. Times are ISO 8601, in UTC. */
export interface VersionLine {
  readonly version: number;
  readonly fingerprint: string;
  /** When it was committed. */
  readonly time: string;
  /** Of the newest sample that it has learned from; null if unknown. */
  readonly eventTime: string | null;
  /** Parameters that its update changed; null where no update leads to it. */
  readonly entries: number | null;
  /** Of the encoded update. */
  readonly bytes: number | null;
  readonly values: LogEntry["valueType"];
  /** Bytes of the full state that is stored at it; null for none. */
  readonly anchorBytes: number | null;
  readonly generation: number;
  /** Training steps made, and samples of the history learned from; null if unknown. */
  readonly step: number | null;
  readonly samples: number | null;
  /** The version that this one brought back, and positions that are not sampled since. */
  readonly rollback: {
    readonly toVersion: number;
    readonly excluded: { readonly from: number; readonly to: number } | null;
    readonly optimizerReset: boolean;
  } | null;
}

/** What `everfresh log --json` prints. */
export interface LogReport {
  readonly model: string;
  readonly logId: string;
  /** The newest version; null before the first. */
  readonly newest: number | null;
  /** The oldest version that can be reconstructed. */
  readonly oldest: number | null;
  /** Newest first. */
  readonly versions: readonly VersionLine[];
}

/** The newest `limit` versions of a run that a trainer may be working on. */
export async function logReport(
  { directory, record }: { readonly directory: StateDirectory; readonly record: RunRecord },
  limit: number,
): Promise<LogReport> {
  await using log = await openUpdateLogReader({ file: directory.databaseFile });
  const entries = await log.entries({ limit });
  return {
    model: record.model,
    logId: log.id,
    newest: (await log.head())?.version ?? null,
    oldest: await log.oldest(),
    versions: entries.map(lineOf),
  };
}

/** An entry of a log in its printed form. */
export function lineOf(entry: LogEntry): VersionLine {
  const { version, fingerprint, entries, bytes, valueType, anchorBytes, generation } = entry;
  const { eventTimeMs, timeMs, lineage, rollback } = entry;
  return {
    version,
    fingerprint,
    time: new Date(timeMs).toISOString(),
    eventTime: isoTime(eventTimeMs),
    entries,
    bytes,
    values: valueType,
    anchorBytes,
    generation,
    step: lineage?.step ?? null,
    samples: lineage?.samples ?? null,
    rollback:
      rollback === null
        ? null
        : {
            toVersion: rollback.toVersion,
            excluded: rollback.excluded,
            optimizerReset: rollback.optimizerReset,
          },
  };
}

/** An event time may be any whole number, and not every one is a date. */
function isoTime(timeMs: number | null): string | null {
  if (timeMs === null) return null;
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? `${timeMs} ms` : date.toISOString();
}
