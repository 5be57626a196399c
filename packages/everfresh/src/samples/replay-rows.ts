import type { FaultKind, Quarantine, QuarantinedRow, RowFault, Source } from "@everfresh/streams";
import { QuarantineRowError } from "../errors.ts";
import { bytesOf, type FixedRow } from "./quarantined-row.ts";

/** Rows that are taken together: bounds memory, and what a failure repeats. */
const ROWS_PER_LISTING = 500;

/** What `everfresh quarantine replay --json` prints. */
export interface ReplayReport {
  /** Rows that are samples now, or labels. */
  readonly replayed: number;
  /** Rows that still wait, and why. */
  readonly broken: readonly StillBroken[];
}

/** A row that was not taken. */
export interface StillBroken {
  readonly number: number;
  readonly kind: FaultKind;
  readonly column: string | null;
  readonly reason: string;
}

/** Rows that are to be taken again: these, as they should have been, or all of the source as they are. */
export type RowsToReplay = readonly FixedRow[] | "all";

/** A source whose broken rows wait and can be taken again. */
export interface ReplayableSource {
  readonly name: string;
  readonly quarantine: Quarantine;
  /** See `Source.replay`. */
  readonly replay: (rows: readonly QuarantinedRow[]) => Promise<readonly (RowFault | null)[]>;
}

/**
 * The source as one whose broken rows can be taken again.
 * @throws QuarantineRowError when they cannot
 */
export function replayableOrRefuse(source: Source): ReplayableSource {
  const { name, quarantine } = source;
  if (quarantine === undefined || source.replay === undefined) {
    throw new QuarantineRowError(`Source "${name}" keeps no broken rows: configure its quarantine`);
  }
  const replay = source.replay.bind(source);
  return { name, quarantine, replay };
}

/**
 * Lets a source take rows of its quarantine again, in their order, and resolves those that it took.
 * What a crash comes in between is done again by the next call.
 * @throws QuarantineRowError when a row does not wait, or is of another source
 */
export async function replayRows(
  { name, quarantine, replay }: ReplayableSource,
  rows: RowsToReplay,
): Promise<ReplayReport> {
  const wanted = rows === "all" ? null : new Map(rows.map((row) => [row.number, row]));
  const broken: StillBroken[] = [];
  let replayed = 0;
  for await (const waiting of listings(quarantine)) {
    const chosen = waiting.flatMap((row) => {
      const fixed = wanted?.get(row.number);
      if (wanted === null ? row.source !== name : fixed === undefined) return [];
      wanted?.delete(row.number);
      if (row.source === name) return [asFixed(row, fixed)];
      throw new QuarantineRowError(`Row ${row.number} is of "${row.source}", not of "${name}"`);
    });
    if (chosen.length === 0) continue;
    const faults = await replay(chosen);
    const taken = chosen.filter((_, i) => faults[i] === null).map(({ number }) => number);
    await quarantine.resolve(taken);
    replayed += taken.length;
    for (const [i, { number }] of chosen.entries()) {
      const fault = faults[i];
      if (fault !== null && fault !== undefined) broken.push({ number, ...fault });
    }
    if (wanted?.size === 0) break;
  }
  const [missing] = wanted?.keys() ?? [];
  if (missing === undefined) return { replayed, broken };
  throw new QuarantineRowError(`Row ${missing} does not wait; \`everfresh quarantine list\``, {
    missing: [...(wanted?.keys() ?? [])],
    replayed,
  });
}

/** All that wait, some at a time. */
export async function* listings(
  quarantine: Pick<Quarantine, "list">,
): AsyncGenerator<readonly QuarantinedRow[], void, undefined> {
  for (let after = 0; ;) {
    const rows = await quarantine.list({ after, limit: ROWS_PER_LISTING });
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1)?.number ?? after;
  }
}

function asFixed(row: QuarantinedRow, fixed: FixedRow | undefined): QuarantinedRow {
  const bytes = fixed === undefined ? null : bytesOf(fixed);
  return bytes === null ? row : { ...row, bytes };
}
