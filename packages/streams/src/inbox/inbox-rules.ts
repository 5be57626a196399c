/**
 * What becomes of the rows of a batch, without where it is stored:
 *
 *   sample with a label ─────────────────────────────► position
 *   sample without one ──► waiting ── its label ─────► position
 *   label ──► early ── its sample ───────────────────► position
 *
 * A batch is planned first, as if each row had come alone, and stored then; what is planned counts as
 * stored for the rows behind it.
 */
import { crc32, type Sample } from "@everfresh/core";
import { parseJsonRow } from "../tables/json-row.ts";
import type { CheckedRow, Row, RowRules } from "../tables/check-row.ts";
import type { RowFault } from "../tables/row-fault.ts";
import type { InboxItem, InboxRow } from "./inbox.ts";
import type { InboxTables, KnownId, UnlabelledSample, WaitingSample } from "./inbox-tables.ts";
import {
  checkMessage,
  idIn,
  labelIn,
  messageClasses,
  messageFields,
  type MessageSchema,
} from "./message-schema.ts";

/** A row that goes to the quarantine. */
export interface PlannedFault {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly fault: RowFault;
}

/** What a batch will change. */
export interface InboxPlan {
  /** Samples that are complete, in their order. */
  readonly complete: readonly { readonly sample: Sample; readonly origin: string }[];
  readonly faults: readonly PlannedFault[];
  readonly accepted: number;
  readonly duplicates: number;
  readonly joined: number;
  readonly early: number;
  readonly unused: number;
  /** Stores it; positions are from `count` on. */
  store(tables: InboxTables, count: number, atMs: number): void;
}

/** Plans a batch. */
export class InboxPlanner implements InboxPlan {
  readonly complete: { sample: Sample; origin: string }[] = [];
  readonly faults: PlannedFault[] = [];
  accepted = 0;
  duplicates = 0;
  joined = 0;
  early = 0;
  unused = 0;
  readonly #schema: MessageSchema;
  readonly #labelsFollow: boolean;
  readonly #tables: InboxTables;
  readonly #nowMs: number;
  /** What the batch changes; null for what it removes. */
  readonly #known = new Map<string, KnownId>();
  readonly #waiting = new Map<string, WaitingSample | null>();
  readonly #early = new Map<string, number | null>();

  constructor(
    items: readonly InboxItem[],
    tables: InboxTables,
    options: {
      readonly schema: MessageSchema;
      readonly labelsFollow: boolean;
      readonly nowMs: number;
    },
  ) {
    this.#schema = options.schema;
    this.#labelsFollow = options.labelsFollow;
    this.#nowMs = options.nowMs;
    this.#tables = tables;
    for (const [index, item] of items.entries()) {
      const fault = item.kind === "sample" ? this.#sample(item) : this.#label(item);
      if (fault !== null) this.faults.push({ index, bytes: bytesOf(item.row), fault });
    }
  }

  store(tables: InboxTables, count: number, atMs: number): void {
    this.complete.forEach(({ sample, origin }, i) => tables.addSample(count + i, sample, origin));
    for (const [id, known] of this.#known) tables.setKnown(id, known);
    for (const [id, sample] of this.#waiting) {
      if (sample === null) tables.removeWaiting(id);
      else tables.addWaiting(sample, atMs);
    }
    for (const [id, label] of this.#early) {
      if (label === null) tables.removeEarly(id);
      else tables.addEarly(id, label, atMs);
    }
  }

  #sample(item: InboxItem): RowFault | null {
    const { row, fault } = parsed(item.row);
    if (row === null) return fault;
    const column = messageFields(this.#schema).label;
    const isLabelled = row[column] !== undefined && row[column] !== null;
    const { sample, fault: found } = this.#check(row, item, isLabelled);
    if (sample === null) return found;
    const { label, ...rest } = sample;
    const checksum = checksumOf(sample);
    const known = this.#knownOf(sample.id);
    if (known === null) {
      this.accepted++;
      this.#add(rest, isLabelled ? label : null, item.origin, checksum);
      return null;
    }
    if (known.checksum !== checksum || (isLabelled && (known.label ?? label) !== label)) {
      const reason = `another sample with id ${JSON.stringify(sample.id)} was there before`;
      return { kind: "duplicateId", column: messageFields(this.#schema).id, reason };
    }
    this.duplicates++;
    if (isLabelled && known.label === null) this.#join(sample.id, label, known);
    return null;
  }

  #check(row: Row, { id, eventTimeMs }: InboxItem, isLabelled: boolean): CheckedRow {
    const fields = messageFields(this.#schema);
    const rules: RowRules = { id: id ?? "", eventTimeMs, nowMs: this.#nowMs };
    if (fields.id === null && id === null) {
      const reason = "its schema has no column of ids; name one";
      return { sample: null, fault: { kind: "missingField", column: null, reason } };
    }
    // A label that is to follow is any class meanwhile.
    const whole =
      isLabelled || !this.#labelsFollow
        ? row
        : { ...row, [fields.label]: messageClasses(this.#schema)[0] };
    return checkMessage(this.#schema, whole, rules);
  }

  #add(sample: UnlabelledSample, given: number | null, origin: string, checksum: number): void {
    const label = given ?? this.#earlyOf(sample.id);
    this.#known.set(sample.id, { checksum, label });
    if (label === null) {
      this.#waiting.set(sample.id, { ...sample, origin });
      return;
    }
    if (this.#earlyOf(sample.id) !== null) this.#early.set(sample.id, null);
    if (given === null) this.joined++;
    this.complete.push({ sample: { ...sample, label }, origin });
  }

  #label(item: InboxItem): RowFault | null {
    const { row, fault } = parsed(item.row);
    if (row === null) return fault;
    const fields = messageFields(this.#schema);
    const idField = fields.id ?? "id";
    const extra = Object.keys(row).find((name) => name !== idField && name !== fields.label);
    if (extra !== undefined) {
      const reason = `a label has the fields ${idField} and ${fields.label} only`;
      return { kind: "extraField", column: extra, reason };
    }
    const id = idIn(row[idField]);
    if (id === null) {
      const kind = row[idField] === undefined ? "missingField" : "wrongType";
      return { kind, column: idField, reason: "a label needs the id of its sample" };
    }
    const label = labelIn(this.#schema, row[fields.label]);
    if (typeof label !== "number") return label;
    const known = this.#knownOf(id);
    if (known !== null) this.#join(id, label, known);
    else if (this.#earlyOf(id) === null) {
      this.#early.set(id, label);
      this.early++;
    } else if (this.#earlyOf(id) === label) this.duplicates++;
    else this.unused++;
    return null;
  }

  /** Gives the sample of a known id its label. */
  #join(id: string, label: number, known: KnownId): void {
    if (known.label !== null) {
      if (known.label === label) this.duplicates++;
      else this.unused++;
      return;
    }
    const waiting = this.#waiting.has(id) ? this.#waiting.get(id) : this.#tables.waiting(id);
    if (waiting === null || waiting === undefined) {
      this.unused++;
      return;
    }
    const { origin, ...sample } = waiting;
    this.#known.set(id, { ...known, label });
    // What is only planned to wait need not be stored at all.
    if (this.#tables.waiting(id) === null) this.#waiting.delete(id);
    else this.#waiting.set(id, null);
    this.complete.push({ sample: { ...sample, label }, origin });
    this.joined++;
  }

  #knownOf(id: string): KnownId | null {
    return this.#known.get(id) ?? this.#tables.known(id);
  }

  #earlyOf(id: string): number | null {
    return this.#early.has(id) ? (this.#early.get(id) ?? null) : this.#tables.early(id);
  }
}

function parsed(row: InboxRow): ReturnType<typeof parseJsonRow> {
  return row instanceof Uint8Array ? parseJsonRow(row) : { row, fault: null };
}

function bytesOf(row: InboxRow): Uint8Array {
  return row instanceof Uint8Array ? row : new TextEncoder().encode(JSON.stringify(row));
}

/** Not of the time: that of a sample without one is when it came. */
function checksumOf({ features }: UnlabelledSample): number {
  return crc32(new Uint8Array(features.buffer, features.byteOffset, features.byteLength));
}
