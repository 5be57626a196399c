import { SourceRowError } from "../errors.ts";
import { type BrokenRow, type Quarantine, rowKey } from "../quarantine/quarantine.ts";
import type { RowFault } from "../tables/row-fault.ts";

/** Rows that go into a quarantine at a time. */
const ROWS_PER_PUT = 500;

/** Where broken rows go. */
export interface BrokenRows {
  /** Takes a row, some at a time. @throws SourceRowError where there is no quarantine */
  add(file: string, place: string, bytes: Uint8Array, fault: RowFault): Promise<void>;
  /** Stores what was taken. */
  flush(): Promise<void>;
  /**
   * Whether the quarantine had this row when the source was opened. Such a row stays out, though its
   * time may not be in the future any more: or the samples behind it would change their positions.
   */
  isKnown(place: string, bytes: () => Uint8Array): boolean;
}

/** Where the broken rows of a source go: into a quarantine, or up as an error. */
export async function brokenRows(
  source: string,
  quarantine: Quarantine | undefined,
): Promise<BrokenRows> {
  const known = (await quarantine?.known(source)) ?? new Set<string>();
  let waiting: BrokenRow[] = [];
  const flush = async (): Promise<void> => {
    const rows = waiting;
    waiting = [];
    if (rows.length > 0) await quarantine?.put(rows);
  };
  return {
    add: async (file, place, bytes, fault) => {
      if (quarantine === undefined) throw new SourceRowError(file, place, fault);
      waiting.push({ source, place, bytes, fault });
      if (waiting.length >= ROWS_PER_PUT) await flush();
    },
    flush,
    isKnown: (place, bytes) => known.size > 0 && known.has(rowKey(place, bytes())),
  };
}
