import { setImmediate } from "node:timers/promises";
import Database from "better-sqlite3";
import { JournalUnreadableError, JournalWriteError } from "../errors.ts";
import { countIn, encodePositions } from "./position-bytes.ts";

/** How long a statement waits for another writer of the same file before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;

/** Rows between two turns of the event loop: a look through them must not keep others waiting. */
const ROWS_PER_TURN = 2_000;

const CREATE_TABLES = `
  CREATE TABLE IF NOT EXISTS sample_use (
    step INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    cold INTEGER NOT NULL,
    epochs INTEGER NOT NULL,
    positions BLOB,
    ranges TEXT
  ) STRICT;
`;

/** Which samples an iteration trains on. */
export interface IterationUse {
  /** Number of the iteration. */
  readonly step: number;
  /** Version that was deployed before it. */
  readonly version: number;
  /** Whether it starts from the initial state: what was learned before is gone. */
  readonly isCold: boolean;
  /** Positions in the history, or ranges of them (`to` not included), each so often. */
  readonly samples:
    | { readonly positions: readonly number[] }
    | { readonly ranges: readonly { readonly from: number; readonly to: number }[] };
  /** How often each was trained on: at most so often, where an iteration ended before its epochs. */
  readonly epochs: number;
}

/** An iteration that trained on a sample, or that started anew. */
export interface SampleUse {
  readonly step: number;
  /** Version that was deployed before it. */
  readonly version: number;
  readonly isCold: boolean;
  /** How often it trained on the sample; 0 where it only started anew. */
  readonly times: number;
}

/** Which iterations trained on which samples: about two bytes for each sample that was drawn. */
export interface SampleUses extends Disposable {
  /** Stores an iteration; one of the same number is replaced. @throws JournalWriteError */
  add(use: IterationUse): void;
  /** Forgets the iterations after `step`: they did not happen. @throws JournalWriteError */
  forgetAfter(step: number): void;
  /** The first iteration that is known; null when none is. @throws JournalUnreadableError */
  first(): number | null;
  /**
   * The iterations that trained on the sample at a position, and all that started anew, in order. It
   * looks through all of them.
   * @throws JournalUnreadableError
   */
  of(position: number): Promise<readonly SampleUse[]>;
}

interface UseRow {
  readonly step: number;
  readonly version: number;
  readonly cold: number;
  readonly epochs: number;
  readonly positions: Uint8Array | null;
  readonly ranges: string | null;
}

/**
 * Opens or creates the table of uses in a SQLite file that other stores may share.
 * @throws JournalUnreadableError
 */
export function openSampleUses({ file }: { readonly file: string }): SampleUses {
  const database = reading(file, () => opened(file));
  const insert = database.prepare("INSERT OR REPLACE INTO sample_use VALUES (?, ?, ?, ?, ?, ?)");
  const remove = database.prepare<[number]>("DELETE FROM sample_use WHERE step > ?");
  const first = database.prepare<[], { step: number | null }>(
    "SELECT MIN(step) AS step FROM sample_use",
  );
  const some = database.prepare<[number, number], UseRow>(
    "SELECT * FROM sample_use WHERE step > ? ORDER BY step LIMIT ?",
  );
  return {
    add: ({ step, version, isCold, epochs, samples }) => {
      const positions = "positions" in samples ? encodePositions(samples.positions) : null;
      const ranges = "ranges" in samples ? JSON.stringify(samples.ranges) : null;
      writing(file, () => insert.run(step, version, isCold ? 1 : 0, epochs, positions, ranges));
    },
    forgetAfter: (step) => writing(file, () => remove.run(step)),
    first: () => reading(file, () => first.get()?.step ?? null),
    of: async (position) => {
      const found: SampleUse[] = [];
      for (let after = Number.MIN_SAFE_INTEGER; ;) {
        const from = after;
        const rows = reading(file, () => some.all(from, ROWS_PER_TURN));
        for (const row of rows) {
          const { step, version } = row;
          const [times, isCold] = [timesIn(row, position), row.cold === 1];
          if (times > 0 || isCold) found.push({ step, version, isCold, times });
          after = step;
        }
        if (rows.length < ROWS_PER_TURN) return found;
        await setImmediate();
      }
    },
    [Symbol.dispose]: () => void database.close(),
  };
}

function timesIn({ positions, ranges, epochs }: UseRow, position: number): number {
  if (positions !== null) return epochs * countIn(positions, position);
  const among = JSON.parse(ranges ?? "[]") as readonly { from: number; to: number }[];
  return among.some(({ from, to }) => from <= position && position < to) ? epochs : 0;
}

function opened(file: string): Database.Database {
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.exec(CREATE_TABLES);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function reading<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new JournalUnreadableError(file, `what was trained on: ${message}`, cause);
  }
}

function writing(file: string, write: () => unknown): void {
  try {
    write();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const reason = `${message}; check the disk's free space and permissions`;
    throw new JournalWriteError(file, reason, cause);
  }
}
