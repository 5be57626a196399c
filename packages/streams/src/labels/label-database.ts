import Database from "better-sqlite3";
import { LabelsUnreadableError, LabelsVersionError } from "../errors.ts";
import { isSqlite } from "../history/history-database.ts";
import { CREATE_LABEL_TABLES, LABEL_SCHEMA_VERSION } from "./label-schema.ts";
import { emptyLabelState, type LabelState } from "./label-tables.ts";

/** How long a statement waits for another writer of the same file before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Opens or creates a database with the tables of a label join, and reads its state.
 * @throws LabelsUnreadableError, LabelsVersionError
 */
export function openLabelDatabase(file: string): {
  readonly database: Database.Database;
  readonly state: LabelState;
} {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    // Samples that move on leave no copy behind that erasing would not find.
    database.pragma("secure_delete = ON");
    return { database, state: stateIn(database, file) };
  } catch (cause) {
    database?.close();
    throw labelsUnreadable(file, cause);
  }
}

function stateIn(database: Database.Database, file: string): LabelState {
  const named = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'label_state'");
  if (named.get() === undefined) {
    const create = database.transaction(() => {
      database.exec(CREATE_LABEL_TABLES);
      database
        .prepare("INSERT INTO label_state SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM label_state)")
        .run(LABEL_SCHEMA_VERSION, JSON.stringify(emptyLabelState()));
    });
    create.immediate();
  }
  const stored = database
    .prepare<[], { version: number; state: string }>("SELECT version, state FROM label_state")
    .get();
  if (stored === undefined) {
    throw new LabelsUnreadableError(file, "its state is missing; use another state directory");
  }
  if (stored.version > LABEL_SCHEMA_VERSION) {
    throw new LabelsVersionError(file, stored.version, LABEL_SCHEMA_VERSION);
  }
  // Tables and counts that came later are empty.
  database.exec(CREATE_LABEL_TABLES);
  return { ...emptyLabelState(), ...(JSON.parse(stored.state) as Partial<LabelState>) };
}

/** The error for waiting predictions that `cause` keeps from being read. */
export function labelsUnreadable(file: string, cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  if (cause instanceof LabelsUnreadableError || cause instanceof LabelsVersionError) return cause;
  if (isSqlite(cause, "SQLITE_BUSY")) {
    const reason = "another process keeps it locked; stop that process";
    return new LabelsUnreadableError(file, reason, cause);
  }
  const isDamaged =
    cause instanceof SyntaxError ||
    isSqlite(cause, "SQLITE_NOTADB") ||
    isSqlite(cause, "SQLITE_CORRUPT");
  const reason = isDamaged
    ? `it is damaged or not a SQLite database (${cause.message});` +
      " restore it, or use another state directory"
    : `${cause.message}; check that its directory exists and can be written`;
  return new LabelsUnreadableError(file, reason, cause);
}
