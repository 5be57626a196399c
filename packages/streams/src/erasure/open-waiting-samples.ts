import Database from "better-sqlite3";
import { inboxUnreadable } from "../inbox/inbox-database.ts";
import { inboxTables } from "../inbox/inbox-tables.ts";
import { openReplayedSamples } from "../replays/sqlite-replayed-samples.ts";
import { wipeOut } from "./wipe-out.ts";

/** Samples on their way into a history. */
export interface WaitingSamples extends Disposable {
  /** Erases what is kept of a sample and its label; says whether there was something. */
  erase(id: string): Promise<boolean>;
}

/**
 * Opens the samples that wait in a SQLite file, without the source that they are of: those of an inbox,
 * and those that were broken rows. Nobody else uses them meanwhile.
 * @throws InboxUnreadableError when the file is not there or damaged
 */
export function openWaitingSamples({ file }: { readonly file: string }): WaitingSamples {
  const reading = <Result>(read: () => Result): Result => {
    try {
      return read();
    } catch (cause) {
      throw inboxUnreadable(file, cause);
    }
  };
  const database = reading(() => new Database(file, { fileMustExist: true }));
  const has = (table: string): boolean =>
    reading(() =>
      database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table),
    ) !== undefined;
  return {
    // Async without await: the work is synchronous, its errors still arrive as rejections.
    // eslint-disable-next-line @typescript-eslint/require-await
    erase: async (id) => {
      let isErased = false;
      if (has("inbox_sample")) {
        wipeOut(database, () => {
          isErased = inboxTables(database).erase(id);
        });
      }
      if (!has("replayed_sample")) return isErased;
      using replayed = openReplayedSamples({ file });
      return replayed.erase(id) || isErased;
    },
    [Symbol.dispose]: () => void database.close(),
  };
}
