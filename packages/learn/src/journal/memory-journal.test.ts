import { journalConformance } from "./journal.conformance.ts";
import { memoryJournal } from "./memory-journal.ts";

journalConformance("the journal in memory", memoryJournal);
