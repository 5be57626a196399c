import { encodeRow, type Features, type RowValue, type Sample } from "@everfresh/core";
import { type FaultKind, type RowFault, shown } from "./row-fault.ts";
import {
  bytesMaxOf,
  type EventTimeColumn,
  featureColumns,
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

/** How far the clock of whoever dates rows may be ahead, in milliseconds. */
const CLOCK_AHEAD_MS_MAX = 60_000;

/** Largest float32. */
const NUMBER_MAX = 3.4028234663852886e38;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NOT_FINITE = /^[+-]?(?:nan|inf(?:inity)?)$/i;

/** The sample that a row is, under a schema that was checked; or its first fault. */
export function checkRow(schema: TableSchema, row: Row, rules: RowRules): CheckedRow {
  try {
    return { sample: sampleOf(schema, row, rules), fault: null };
  } catch (error) {
    if (error instanceof Fault) return { sample: null, fault: error.fault };
    throw error;
  }
}

/** Leaves the checks of a row at its first fault. */
class Fault extends Error {
  readonly fault: RowFault;

  constructor(kind: FaultKind, column: string | null, reason: string) {
    super(reason);
    this.fault = { kind, column, reason };
  }
}

function sampleOf(schema: TableSchema, row: Row, rules: RowRules): Sample {
  const names = new Set(schema.columns.map(({ name }) => name));
  const extra = Object.keys(row).find((name) => !names.has(name));
  if (extra !== undefined && schema.extra !== "ignore") {
    throw new Fault("extraField", extra, `${shown(extra)} is none of the table's columns`);
  }
  const id = idOf(schema, row, rules);
  const eventTimeMs = eventTimeOf(schema, row, rules);
  const features = featuresOf(schema, row, rules);
  return { id, eventTimeMs, features, label: labelOf(schema, row) };
}

function idOf(schema: TableSchema, row: Row, rules: RowRules): string {
  const column = schema.columns.find(({ kind }) => kind === "id");
  if (column === undefined) return rules.id;
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

function eventTimeOf(schema: TableSchema, row: Row, rules: RowRules): number {
  const column = schema.columns.find(({ kind }) => kind === "eventTime");
  if (column?.kind !== "eventTime") return rules.eventTimeMs;
  const eventTimeMs = timeOf(column, present(row, column.name), rules);
  if (eventTimeMs > (rules.nowMs ?? Infinity) + CLOCK_AHEAD_MS_MAX) {
    const reason = `${shown(row[column.name])} is more than a minute in the future`;
    throw new Fault("futureTime", column.name, reason);
  }
  return eventTimeMs;
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

function featuresOf(schema: TableSchema, row: Row, rules: RowRules): Features {
  const columns = featureColumns(schema);
  const values = columns.map((column): RowValue => {
    const value = optional(row, column);
    if (value === null) return null;
    return column.kind === "number" ? numberOf(column, value, rules) : textOf(column, value);
  });
  if (columns.some(({ kind }) => kind !== "number")) return encodeRow(rowColumnsOf(schema), values);
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
  const bytes = new TextEncoder().encode(value).length;
  if (bytes > bytesMaxOf(column)) {
    const reason = `a text of ${bytes} bytes, of at most ${bytesMaxOf(column)}`;
    throw new Fault("hugeValue", column.name, reason);
  }
  return value;
}

function labelOf(schema: TableSchema, row: Row): number {
  const { name, classes: listed } = labelColumnOf(schema);
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
