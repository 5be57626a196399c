/**
 * What becomes of the rows of a batch, without where it is stored:
 *
 *   sample with a label ────────────────────► position
 *
 * and where labels follow, each at a position of its own,
 *
 *   sample ─────────────────────────────────► position, and one for its label if it came with it
 *   label of a sample that was there ───────► position
 *   label ──► early ── its sample ──────────► positions of both
 *
 * A batch is planned first, as if each row had come alone, and stored then; what is planned counts as
 * stored for the rows behind it.
 */
import { crc32, type Sample } from "@everfresh/core";
import { parseJsonRow } from "../tables/json-row.ts";
import type { CheckedRow, Row, RowRules } from "../tables/check-row.ts";
import type { RowFault } from "../tables/row-fault.ts";
import type { UnlabelledSample } from "../sources/following.ts";
import type { InboxItem, InboxRow } from "./inbox.ts";
import type { InboxTables, KnownId, PlannedArrival } from "./inbox-tables.ts";
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
  /** How many positions it takes. */
  readonly positions: number;
  readonly faults: readonly PlannedFault[];
  readonly accepted: number;
  readonly duplicates: number;
  /** Those of them that are labels. */
  readonly duplicateLabels: number;
  readonly joined: number;
  readonly early: number;
  /** Labels where another one stands. */
  readonly conflicts: number;
  /** Stores it; positions are from `count` on. */
  store(tables: InboxTables, count: number, atMs: number): void;
}

/** Plans a batch. */
export class InboxPlanner implements InboxPlan {
  readonly faults: PlannedFault[] = [];
  accepted = 0;
  duplicates = 0;
  duplicateLabels = 0;
  joined = 0;
  early = 0;
  conflicts = 0;
  /** Samples with their labels; or, where labels follow, samples and labels. */
  readonly #complete: { readonly sample: Sample; readonly origin: string }[] = [];
  readonly #arrivals: PlannedArrival[] = [];
  readonly #schema: MessageSchema;
  readonly #labelsFollow: boolean;
  readonly #tables: InboxTables;
  readonly #nowMs: number;
  /** What the batch changes; null for what it removes. */
  readonly #known = new Map<string, KnownId>();
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

  get positions(): number {
    return this.#complete.length + this.#arrivals.length;
  }

  store(tables: InboxTables, count: number, atMs: number): void {
    this.#complete.forEach(({ sample, origin }, i) => tables.addSample(count + i, sample, origin));
    this.#arrivals.forEach((arrival, i) => tables.addArrival(count + i, arrival, atMs));
    for (const [id, known] of this.#known) tables.setKnown(id, known);
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
    if (isLabelled && known.label === null) this.#join(sample.id, label, item.origin);
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
    if (this.#earlyOf(sample.id) !== null) this.#early.set(sample.id, null);
    if (given === null && label !== null) this.joined++;
    if (!this.#labelsFollow && label !== null) {
      this.#complete.push({ sample: { ...sample, label }, origin });
      return;
    }
    this.#arrivals.push({ kind: "sample", sample, origin });
    if (label !== null) this.#arrivals.push({ kind: "label", id: sample.id, label, origin });
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
    const first = known === null ? this.#earlyOf(id) : known.label;
    if (first !== null) {
      this.#again(first === label);
      return null;
    }
    if (known !== null) {
      this.#join(id, label, item.origin);
      return null;
    }
    this.#early.set(id, label);
    this.early++;
    return null;
  }

  /** A label came that is not the first one of its sample. */
  #again(isSame: boolean): void {
    if (!isSame) {
      this.conflicts++;
      return;
    }
    this.duplicates++;
    this.duplicateLabels++;
  }

  /** Gives the sample of a known id its label; only where labels follow is one without. */
  #join(id: string, label: number, origin: string): void {
    const known = this.#knownOf(id);
    if (known !== null) this.#known.set(id, { ...known, label });
    this.#arrivals.push({ kind: "label", id, label, origin });
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
