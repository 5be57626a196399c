import type { Sample } from "@everfresh/core";
import type { CheckedRow, RowRules } from "../tables/check-row.ts";
import { checkJsonRow } from "../tables/json-row.ts";
import type { RowFault } from "../tables/row-fault.ts";
import type { TableSchema } from "../tables/table-schema.ts";
import type { Quarantine, QuarantinedRow } from "./quarantine.ts";

/** Makes a sample of what a quarantine keeps of a row, or says why it is none. */
export type RowCheck = (bytes: Uint8Array, rules: RowRules) => CheckedRow | Promise<CheckedRow>;

/** What the rows of a quarantine are to be. */
export type ReplayedRows =
  | {
      /** Rows of JSON, under this schema. */
      readonly schema: TableSchema;
      /** Whether numbers may be text, as those of a table as text are. @default false */
      readonly asText?: boolean;
    }
  | {
      /** Rows of another kind, such as images: what their source says of them. */
      readonly check: RowCheck;
    };

/** Options of {@link replayQuarantine}. */
export type ReplayOptions = ReplayedRows & {
  /** Only the rows of the source of this name. @default all rows */
  readonly source?: string;
  /**
   * A row as it should have been, in the form in which its source's rows are kept; null leaves it where
   * it is.
   * @default as it came: for rows that another schema now takes
   */
  readonly fix?: (row: QuarantinedRow) => Uint8Array | null;
  /** Takes the samples of a listing's rows, such as a history. Those it rejects keep waiting. */
  readonly take: (samples: readonly Sample[]) => Promise<unknown>;
  /** Now, in milliseconds since the epoch; later event times are still faults. @default no limit */
  readonly nowMs?: number;
  /** Whether a sample of this id was there before. @default none was */
  readonly isKnown?: (id: string) => boolean;
};

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
      const checked = await check(row, options, taken);
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

async function check(
  row: QuarantinedRow,
  options: ReplayOptions,
  taken: ReadonlySet<string>,
): Promise<CheckedRow | null> {
  const { source = row.source, fix, nowMs, isKnown } = options;
  const bytes = row.source !== source ? null : fix === undefined ? row.bytes : fix(row);
  if (bytes === null) return null;
  const rules: RowRules = {
    id: `${row.source}-quarantine-${row.number}`,
    eventTimeMs: row.atMs,
    isKnown: (id) => taken.has(id) || (isKnown?.(id) ?? false),
    ...(nowMs === undefined ? {} : { nowMs }),
  };
  if ("check" in options) return options.check(bytes, rules);
  const { schema, asText = false } = options;
  return checkJsonRow(schema, bytes, { ...rules, asText });
}
