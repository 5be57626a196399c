import { assert } from "@everfresh/core";
import type { Journal, JournalEntry } from "./journal.ts";

/** A journal that lasts as long as the process: for tests, and for runs that need not survive it. */
export function memoryJournal(): Journal {
  let entries: readonly JournalEntry[] = [];
  // The methods are async so that their errors arrive as rejections, as from any other journal.
  /* eslint-disable @typescript-eslint/require-await */
  return {
    append: async (entry) => {
      const last = entries.at(-1);
      assert(last === undefined || entry.step > last.step, `step ${entry.step} follows the others`);
      entries = [...entries, structuredClone(entry)];
    },
    after: async (step) => structuredClone(entries.filter((entry) => entry.step > step)),
    forgetTo: async (step) => {
      entries = entries.filter((entry) => entry.step > step);
    },
    forgetAfter: async (step) => {
      entries = entries.filter((entry) => entry.step <= step);
    },
  };
}
