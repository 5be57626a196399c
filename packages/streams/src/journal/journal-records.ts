import Database from "better-sqlite3";
import { JournalUnreadableError, JournalVersionError, JournalWriteError } from "../errors.ts";
import { isSqlite } from "../history/history-database.ts";

/** How long a statement waits for another writer of the same file before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;

/** The format that this program writes. */
const SCHEMA_VERSION = 1;

const CREATE_TABLES = `
  CREATE TABLE IF NOT EXISTS journal_schema (version INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS journal_record (
    number INTEGER PRIMARY KEY,
    body BLOB NOT NULL
  ) STRICT;
  INSERT INTO journal_schema
    SELECT ${SCHEMA_VERSION} WHERE NOT EXISTS (SELECT 1 FROM journal_schema);
`;

const LOCKED = "another process keeps it locked; stop that process";

/** One record of a journal. */
export interface JournalRecord {
  readonly number: number;
  readonly body: Uint8Array;
}

/**
 * Numbered records that are durable before what they announce is done. What they say is up to who
 * writes them.
 */
export interface JournalRecords extends Disposable {
  /**
   * Stores a record; it is stored when this returns. Numbers ascend.
   * @throws JournalWriteError when the disk or another program does not let it, or the number does not
   *   follow those that are there
   */
  append(number: number, body: Uint8Array): void;
  /**
   * The records with numbers above `number`, in their order.
   * @throws JournalUnreadableError when they cannot be read
   */
  after(number: number): readonly JournalRecord[];
  /** Forgets the records up to and with `number`. @throws JournalWriteError */
  forgetTo(number: number): void;
  /** Forgets the records above `number`. @throws JournalWriteError */
  forgetAfter(number: number): void;
}

/** Options of {@link openJournalRecords}. */
export interface JournalRecordsOptions {
  /**
   * Path of the SQLite file; created if missing, its directory must exist. Other stores may use it
   * too.
   */
  readonly file: string;
}

/**
 * Opens or creates the records of a journal in a SQLite file (WAL mode, synchronous NORMAL): a record
 * that was stored survives the death of the process, `kill -9` included. A power failure may lose the
 * last ones, but never a part of one, and never damages the file. One process at a time uses it.
 * @throws JournalUnreadableError when the file cannot be opened or is damaged
 * @throws JournalVersionError when a newer Everfresh has written it
 */
export function openJournalRecords({ file }: JournalRecordsOptions): JournalRecords {
  const database = openDatabase(file);
  try {
    const insert = database.prepare<[{ number: number; body: Uint8Array }]>(
      // In one statement, so that a record is in order whoever else writes.
      `INSERT INTO journal_record (number, body) SELECT @number, @body
       WHERE @number > (SELECT coalesce(max(number), @number - 1) FROM journal_record)`,
    );
    const select = database.prepare<[number], { number: number; body: Uint8Array }>(
      "SELECT number, body FROM journal_record WHERE number > ? ORDER BY number",
    );
    const removeTo = database.prepare<[number]>("DELETE FROM journal_record WHERE number <= ?");
    const removeAfter = database.prepare<[number]>("DELETE FROM journal_record WHERE number > ?");
    return {
      append: (number, body) => {
        const { changes } = written(file, () => insert.run({ number, body }));
        if (changes === 1) return;
        throw new JournalWriteError(
          file,
          `it goes beyond number ${number} already; stop the other process that writes to it`,
        );
      },
      after: (number) => {
        try {
          return select.all(number).map((row) => ({ ...row, body: new Uint8Array(row.body) }));
        } catch (cause) {
          throw unreadable(file, cause);
        }
      },
      forgetTo: (number) => void written(file, () => removeTo.run(number)),
      forgetAfter: (number) => void written(file, () => removeAfter.run(number)),
      [Symbol.dispose]: () => void database.close(),
    };
  } catch (cause) {
    database.close();
    throw unreadable(file, cause);
  }
}

function openDatabase(file: string): Database.Database {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    const tables = database;
    const found = storedVersion(tables);
    if (found > SCHEMA_VERSION) throw new JournalVersionError(file, found, SCHEMA_VERSION);
    if (found === 0) tables.transaction(() => tables.exec(CREATE_TABLES)).immediate();
    return tables;
  } catch (cause) {
    database?.close();
    throw unreadable(file, cause);
  }
}

/** The format of the table that is there; 0 when there is none. */
function storedVersion(database: Database.Database): number {
  const named = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'journal_schema'");
  if (named.get() === undefined) return 0;
  const version = database.prepare<[], { version: number }>("SELECT version FROM journal_schema");
  return version.get()?.version ?? 0;
}

function written<Result>(file: string, write: () => Result): Result {
  try {
    return write();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const reason = isSqlite(cause, "SQLITE_BUSY")
      ? LOCKED
      : `${message}; check the disk's free space and permissions`;
    throw new JournalWriteError(file, reason, cause);
  }
}

/** The error for a journal that `cause` keeps from being read. */
function unreadable(file: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof JournalVersionError) return cause;
  if (isSqlite(cause, "SQLITE_BUSY")) return new JournalUnreadableError(file, LOCKED, cause);
  const isDamaged = isSqlite(cause, "SQLITE_NOTADB") || isSqlite(cause, "SQLITE_CORRUPT");
  const reason = isDamaged
    ? `it is damaged or not a SQLite database (${cause.message});` +
      " restore it, or use another state directory"
    : `${cause.message}; check that its directory exists and can be written`;
  return new JournalUnreadableError(file, reason, cause);
}
