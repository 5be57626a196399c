import { SourceRowError } from "../errors.ts";
import type { BrokenRow, Quarantine } from "../quarantine/quarantine.ts";
import type { RowFault } from "../tables/row-fault.ts";

/** Rows that go into a quarantine at a time. */
const ROWS_PER_PUT = 500;

/** Where broken rows go: into a quarantine, some at a time, or up as an error. */
export function brokenRows(
  source: string,
  quarantine: Quarantine | undefined,
): {
  readonly add: (file: string, place: string, bytes: Uint8Array, fault: RowFault) => Promise<void>;
  readonly flush: () => Promise<void>;
} {
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
  };
}
