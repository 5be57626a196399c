import type { JournalRecords } from "@everfresh/streams";
import type { Journal, JournalEntry } from "./journal.ts";
import { decodePlainData, encodePlainData } from "./plain-data.ts";

/** A journal in records that outlive the process. */
export function durableJournal(records: JournalRecords): Journal {
  // The methods are async so that their errors arrive as rejections, as from any other journal.
  /* eslint-disable @typescript-eslint/require-await */
  return {
    append: async (entry) => records.append(entry.step, encodePlainData(entry)),
    after: async (step) =>
      // These are the bytes that were written: SQLite has checked its pages.
      records.after(step).map(({ body }) => decodePlainData(body) as JournalEntry),
    forgetTo: async (step) => records.forgetTo(step),
    forgetAfter: async (step) => records.forgetAfter(step),
  };
}
