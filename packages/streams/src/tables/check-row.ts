import {
  encodeRow,
  type Features,
  type RowColumn,
  type RowValue,
  type Sample,
} from "@everfresh/core";
import { type FaultKind, type RowFault, shown } from "./row-fault.ts";
import {
  bytesMaxOf,
  type EventTimeColumn,
  featureColumns,
  type IdColumn,
  type LabelColumn,
  labelColumnOf,
  type NumberColumn,
  rowColumnsOf,
  type TableSchema,
  type TextColumn,
} from "./table-schema.ts";

/** A row as fields by name. */
export type Row = Readonly<Record<string, unknown>>;

/** What a check knows beside the row. */
export interface RowRules {
  /** The id of a row whose table has no column of ids. */
  readonly id: string;
  /** The event time of a row whose table has no such column, in milliseconds. */
  readonly eventTimeMs: number;
  /** Now, in milliseconds since the epoch; later event times are faults. @default no limit */
  readonly nowMs?: number;
  /** Whether a sample of this id was there before. @default none was */
  readonly isKnown?: (id: string) => boolean;
  /** Whether numbers come as text, as in CSV. @default false */
  readonly asText?: boolean;
}

/** A sample, or why there is none. */
export type CheckedRow =
  | { readonly sample: Sample; readonly fault: null }
  | { readonly sample: null; readonly fault: RowFault };

/** The fields of a row, or why there are none. */
export type ParsedRow =
  { readonly row: Row; readonly fault: null } | { readonly row: null; readonly fault: RowFault };

/** How far the clock of whoever dates rows may be ahead, in milliseconds. */
const CLOCK_AHEAD_MS_MAX = 60_000;

/** Largest float32. */
const NUMBER_MAX = 3.4028234663852886e38;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NOT_FINITE = /^[+-]?(?:nan|inf(?:inity)?)$/i;

/** The sample that a row is, under a schema that was checked; or its first fault. */
export function checkRow(schema: TableSchema, row: Row, rules: RowRules): CheckedRow {
  return rowChecker(schema)(row, rules);
}

/** As {@link checkRow}, for many rows of one schema. */
export function rowChecker(schema: TableSchema): (row: Row, rules: RowRules) => CheckedRow {
  const columns = columnsOf(schema);
  return (row, rules) => {
    try {
      return { sample: sampleOf(columns, row, rules), fault: null };
    } catch (error) {
      if (error instanceof Fault) return { sample: null, fault: error.fault };
      throw error;
    }
  };
}

/** The columns of a schema by what they are for. */
interface Columns {
  /** The only names that a row may have; null where it may have others. */
  readonly names: ReadonlySet<string> | null;
  readonly id: IdColumn | null;
  readonly eventTime: EventTimeColumn | null;
  readonly features: readonly (NumberColumn | TextColumn)[];
  /** The features as bytes of a row; null where they are a vector of numbers. */
  readonly row: readonly RowColumn[] | null;
  readonly label: LabelColumn;
}

function columnsOf(schema: TableSchema): Columns {
  const { columns, extra } = schema;
  const features = featureColumns(schema);
  const isRow = features.some(({ kind }) => kind !== "number");
  return {
    names: extra === "ignore" ? null : new Set(columns.map(({ name }) => name)),
    id: columns.find((column) => column.kind === "id") ?? null,
    eventTime: columns.find((column) => column.kind === "eventTime") ?? null,
    features,
    row: isRow ? rowColumnsOf(schema) : null,
    label: labelColumnOf(schema),
  };
}

/** Leaves the checks of a row at its first fault. */
class Fault extends Error {
  readonly fault: RowFault;

  constructor(kind: FaultKind, column: string | null, reason: string) {
    super(reason);
    this.fault = { kind, column, reason };
  }
}

function sampleOf(columns: Columns, row: Row, rules: RowRules): Sample {
  const { names } = columns;
  const extra = names && Object.keys(row).find((name) => !names.has(name));
  if (typeof extra === "string") {
    throw new Fault("extraField", extra, `${shown(extra)} is none of the table's columns`);
  }
  const id = idOf(columns.id, row, rules);
  const eventTimeMs = eventTimeOf(columns.eventTime, row, rules);
  const features = featuresOf(columns, row, rules);
  return { id, eventTimeMs, features, label: labelOf(columns.label, row) };
}

function idOf(column: IdColumn | null, row: Row, rules: RowRules): string {
  if (column === null) return rules.id;
  const value = present(row, column.name);
  const isWhole = typeof value === "bigint" || Number.isSafeInteger(value);
  const id = isWhole ? String(value) : value;
  if (typeof id !== "string" || id === "") {
    throw new Fault("wrongType", column.name, `${shown(value)} is no id: text or a whole number`);
  }
  if (rules.isKnown?.(id) === true) {
    throw new Fault("duplicateId", column.name, `a row with id ${shown(id)} was there before`);
  }
  return id;
}

function eventTimeOf(column: EventTimeColumn | null, row: Row, rules: RowRules): number {
  if (column === null) return rules.eventTimeMs;
  const eventTimeMs = timeOf(column, present(row, column.name), rules);
  if (isFuture(eventTimeMs, rules)) {
    const reason = `${shown(row[column.name])} is more than a minute in the future`;
    throw new Fault("futureTime", column.name, reason);
  }
  return eventTimeMs;
}

/** Whether a time, in milliseconds since the epoch, is farther ahead than clocks differ. */
export function isFuture(eventTimeMs: number, { nowMs = Infinity }: RowRules): boolean {
  return eventTimeMs > nowMs + CLOCK_AHEAD_MS_MAX;
}

function timeOf(
  { name, unit = "milliseconds" }: EventTimeColumn,
  value: unknown,
  rules: RowRules,
): number {
  if (value instanceof Date) return finiteTime(name, value.getTime(), value);
  if (unit === "iso") {
    // A date without a zone would mean another moment on another machine.
    const isDated =
      typeof value === "string" && /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:?\d\d)$/.test(value);
    return finiteTime(name, isDated ? Date.parse(value) : NaN, value);
  }
  const time = numberIn(name, value, rules);
  return finiteTime(name, unit === "seconds" ? time * 1000 : time, value);
}

function finiteTime(name: string, timeMs: number, value: unknown): number {
  if (Number.isFinite(timeMs)) return timeMs;
  throw new Fault("wrongType", name, `${shown(value)} is no time as the table writes it`);
}

function featuresOf(columns: Columns, row: Row, rules: RowRules): Features {
  const values = columns.features.map((column): RowValue => {
    const value = optional(row, column);
    if (value === null) return null;
    return column.kind === "number" ? numberOf(column, value, rules) : textOf(column, value);
  });
  if (columns.row !== null) return encodeRow(columns.row, values);
  return Float32Array.from(values, (value) => (typeof value === "number" ? value : NaN));
}

function numberOf({ name, min, max }: NumberColumn, value: unknown, rules: RowRules): number {
  const number = numberIn(name, value, rules);
  if (number < (min ?? -Infinity) || number > (max ?? Infinity)) {
    const range = `${min ?? "−∞"} to ${max ?? "∞"}`;
    throw new Fault("outOfRange", name, `${shown(value)} is not in the range ${range}`);
  }
  return number;
}

function numberIn(name: string, value: unknown, { asText = false }: RowRules): number {
  const text = typeof value === "string" ? value.trim() : "";
  if (NOT_FINITE.test(text)) {
    throw new Fault("notFinite", name, `${shown(value)} is no number`);
  }
  const number =
    typeof value === "bigint" || (asText && DECIMAL.test(text)) ? Number(value) : value;
  if (typeof number !== "number") {
    throw new Fault("wrongType", name, `${shown(value)} is not a number`);
  }
  if (Number.isNaN(number) || (typeof value === "number" && !Number.isFinite(value))) {
    throw new Fault("notFinite", name, `${shown(value)} is not a finite number`);
  }
  if (Math.abs(number) > NUMBER_MAX) {
    throw new Fault("hugeValue", name, `${shown(value)} is larger than float32 can hold`);
  }
  return number;
}

function textOf(column: TextColumn, given: unknown): string {
  const isFlag = typeof given === "boolean" && column.kind === "category";
  const value = isFlag ? String(given) : given;
  if (typeof value !== "string") {
    throw new Fault("wrongType", column.name, `${shown(value)} is not text`);
  }
  // A code unit has three bytes at most.
  const isShort = value.length * 3 <= bytesMaxOf(column);
  const bytes = isShort ? 0 : new TextEncoder().encode(value).length;
  if (bytes > bytesMaxOf(column)) {
    const reason = `a text of ${bytes} bytes, of at most ${bytesMaxOf(column)}`;
    throw new Fault("hugeValue", column.name, reason);
  }
  return value;
}

function labelOf({ name, classes: listed }: LabelColumn, row: Row): number {
  const value = present(row, name);
  if (
    typeof value !== "string" &&
    typeof value !== "number" &&
    typeof value !== "boolean" &&
    typeof value !== "bigint"
  ) {
    throw new Fault("wrongType", name, `${shown(value)} is no class: text or a number`);
  }
  const label = listed.indexOf(String(value).trim());
  if (label >= 0) return label;
  const some = listed.slice(0, 8).join(", ") + (listed.length > 8 ? ", …" : "");
  throw new Fault("unknownClass", name, `${shown(value)} is none of the classes ${some}`);
}

function optional(row: Row, column: NumberColumn | TextColumn): unknown {
  const value = Object.hasOwn(row, column.name) ? row[column.name] : null;
  if (value === null || value === undefined) {
    if (column.optional === true) return null;
    throw new Fault("missingField", column.name, "the row has no value here");
  }
  return value;
}

function present(row: Row, name: string): unknown {
  const value = Object.hasOwn(row, name) ? row[name] : null;
  if (value !== null && value !== undefined) return value;
  throw new Fault("missingField", name, "the row has no value here");
}
