import { existsSync, readFileSync } from "node:fs";
import type { DriftRecord, DriftStatus } from "@everfresh/core";
import type { DriftPage } from "@everfresh/sync";
import { z } from "zod";
import { StateDirectoryError } from "../errors.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { writeAtomically } from "../state/write-atomically.ts";

const FORMAT = 1;

/** Records in one answer: some 60 kB. */
const PAGE_RECORDS_MAX = 100;

/** What the file holds. */
export interface StoredDrift {
  /** When it was written, in milliseconds since the Unix epoch. */
  readonly savedAtMs: number;
  /** As it was then. */
  readonly status: DriftStatus;
  /** Oldest first. */
  readonly records: readonly DriftRecord[];
}

const fileSchema = z.looseObject({
  format: z.literal(FORMAT),
  savedAtMs: z.number(),
  status: z.looseObject({ verdict: z.enum(["stable", "warning", "drift"]) }),
  records: z.array(
    z.looseObject({ id: z.int().positive(), verdict: z.enum(["warning", "drift"]) }),
  ),
});

/** What has become of a record. */
export interface RecordChange {
  readonly record: DriftRecord;
  /** As it was known before; null for a new one. */
  readonly before: DriftRecord | null;
}

/**
 * The drift records of a state directory, also those of earlier processes and monitors: a bounded number,
 * the newest. A record is known by its number; what a process says again that was started anew changes
 * nothing.
 */
export class DriftHistory {
  readonly #file: string;
  readonly #recordsMax: number;
  #records: readonly DriftRecord[];

  /**
   * @param recordsMax records that are kept, 1 or more
   * @throws StateDirectoryError when the file of the directory cannot be read
   */
  constructor({ driftFile }: Pick<StateDirectory, "driftFile">, recordsMax: number) {
    this.#file = driftFile;
    this.#recordsMax = recordsMax;
    this.#records = readStored(driftFile)?.records ?? [];
  }

  /** All that are kept, oldest first. */
  get records(): readonly DriftRecord[] {
    return this.#records;
  }

  /** Number of the newest record; 0 without any. */
  get newest(): number {
    return this.#records.at(-1)?.id ?? 0;
  }

  /** Takes in the records of a monitor; gives those that are new or not as they were. */
  take(records: readonly DriftRecord[]): readonly RecordChange[] {
    const known = new Map(this.#records.map((record) => [record.id, record]));
    const changes: RecordChange[] = [];
    for (const record of records) {
      const before = known.get(record.id) ?? null;
      const merged = before === null ? record : merge(before, record);
      if (JSON.stringify(before) === JSON.stringify(merged)) continue;
      known.set(record.id, merged);
      changes.push({ record: merged, before });
    }
    if (changes.length > 0) {
      const all = [...known.values()].sort((left, right) => left.id - right.id);
      this.#records = all.slice(-this.#recordsMax);
    }
    return changes;
  }

  /** Notes the first version that what was done about a record has led to. */
  led(id: number, to: number): void {
    this.#records = this.#records.map((record) => {
      const { action } = record;
      if (record.id !== id || action === null || action.versions === null) return record;
      return { ...record, action: { ...action, versions: { ...action.versions, to } } };
    });
  }

  /**
   * Makes everything durable.
   * @throws StateDirectoryError when the disk does not let it
   */
  save(status: DriftStatus, savedAtMs: number): void {
    const stored: StoredDrift = { savedAtMs, status, records: this.#records };
    const text = `${JSON.stringify({ format: FORMAT, ...stored })}\n`;
    try {
      writeAtomically(this.#file, [new TextEncoder().encode(text)]);
    } catch (cause) {
      throw new StateDirectoryError(`${this.#file} cannot be written`, cause);
    }
  }
}

/**
 * What is stored about drift in a state directory; null where nobody has watched.
 * @throws StateDirectoryError when the file holds something else
 */
export function readStored(file: string): StoredDrift | null {
  if (!existsSync(file)) return null;
  try {
    // The schema has looked at what tells it from any other file.
    return fileSchema.parse(JSON.parse(readFileSync(file, "utf8"))) as unknown as StoredDrift;
  } catch (cause) {
    throw new StateDirectoryError(
      `${file} does not say what was seen of drift; move it away to begin anew`,
      cause,
    );
  }
}

/** The records after a number, oldest first, or else the newest ones. */
export function pageOf(
  records: readonly DriftRecord[],
  after: number | null,
): Pick<DriftPage, "records" | "more"> {
  if (after === null) return { records: records.slice(-PAGE_RECORDS_MAX), more: false };
  const later = records.filter(({ id }) => id > after);
  return { records: later.slice(0, PAGE_RECORDS_MAX), more: later.length > PAGE_RECORDS_MAX };
}

/** A process that does again what was done before is behind: what was settled stays settled. */
function merge(before: DriftRecord, now: DriftRecord): DriftRecord {
  const isBehind = before.outcome !== "open" && now.outcome === "open";
  const { outcome, outcomeAt } = isBehind ? before : now;
  return { ...now, outcome, outcomeAt, action: mergeActions(before.action, now.action) };
}

function mergeActions(
  before: DriftRecord["action"],
  now: DriftRecord["action"],
): DriftRecord["action"] {
  if (now === null || before?.versions == null || now.versions === null) return now ?? before;
  const isSame = before.kind === now.kind && before.versions.from === now.versions.from;
  const to = now.versions.to ?? (isSame ? before.versions.to : null);
  return { ...now, versions: { ...now.versions, to } };
}
