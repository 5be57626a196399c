import type { Sample } from "@everfresh/core";
import { checkJsonRow } from "../tables/json-row.ts";
import type { RowFault } from "../tables/row-fault.ts";
import type { TableSchema } from "../tables/table-schema.ts";
import type { Quarantine, QuarantinedRow } from "./quarantine.ts";

/** Options of {@link replayQuarantine}. */
export interface ReplayOptions {
  /** What the rows are to be. */
  readonly schema: TableSchema;
  /**
   * A row as it should have been, as bytes of JSON; null leaves it where it is.
   * @default as it came: for rows that another schema now takes
   */
  readonly fix?: (row: QuarantinedRow) => Uint8Array | null;
  /** Takes the samples of a listing's rows, such as a history. Those it rejects keep waiting. */
  readonly take: (samples: readonly Sample[]) => Promise<unknown>;
  /** Now, in milliseconds since the epoch; later event times are still faults. @default no limit */
  readonly nowMs?: number;
  /** Whether a sample of this id was there before. @default none was */
  readonly isKnown?: (id: string) => boolean;
}

/** What a replay has done. */
export interface Replay {
  /** Rows that became samples. */
  readonly replayed: number;
  /** Rows that are still broken, and why. */
  readonly broken: readonly { readonly number: number; readonly fault: RowFault }[];
}

/** Rows that become samples together: bounds memory, and what a failure repeats. */
const ROWS_PER_LISTING = 500;

/**
 * Gives waiting rows that are right by now as samples, in their order, and resolves them once they
 * were taken. A crash in between can bring a row again: a history then knows its id.
 * @throws what `take` and the quarantine throw
 */
export async function replayQuarantine(
  quarantine: Quarantine,
  options: ReplayOptions,
): Promise<Replay> {
  const broken: { number: number; fault: RowFault }[] = [];
  const taken = new Set<string>();
  let replayed = 0;
  let after = 0;
  for (;;) {
    const rows = await quarantine.list({ after, limit: ROWS_PER_LISTING });
    if (rows.length === 0) return { replayed, broken };
    const fixed: { number: number; sample: Sample }[] = [];
    for (const row of rows) {
      after = row.number;
      const checked = check(row, options, taken);
      if (checked === null) continue;
      if (checked.fault !== null) broken.push({ number: row.number, fault: checked.fault });
      else {
        taken.add(checked.sample.id);
        fixed.push({ number: row.number, sample: checked.sample });
      }
    }
    if (fixed.length === 0) continue;
    await options.take(fixed.map(({ sample }) => sample));
    await quarantine.resolve(fixed.map(({ number }) => number));
    replayed += fixed.length;
  }
}

function check(
  row: QuarantinedRow,
  { schema, fix, nowMs, isKnown }: ReplayOptions,
  taken: ReadonlySet<string>,
): ReturnType<typeof checkJsonRow> | null {
  const bytes = fix === undefined ? row.bytes : fix(row);
  if (bytes === null) return null;
  return checkJsonRow(schema, bytes, {
    id: `${row.source}-quarantine-${row.number}`,
    eventTimeMs: row.atMs,
    isKnown: (id) => taken.has(id) || (isKnown?.(id) ?? false),
    ...(nowMs === undefined ? {} : { nowMs }),
  });
}
