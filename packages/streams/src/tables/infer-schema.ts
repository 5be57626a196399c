import { TEXT_BYTES_MAX } from "@everfresh/core";
import { TableSchemaError } from "../errors.ts";
import type { Row } from "./check-row.ts";
import { checkTableSchema, type TableColumn, type TableSchema } from "./table-schema.ts";

/** How a table's schema is known: given, or by the first rows. */
export type SchemaOptions = { readonly schema: TableSchema } | InferOptions;

/** Which columns the first rows cannot tell. */
export interface InferOptions {
  /** The column with the class. */
  readonly label: string;
  /** @default those in the rows given, sorted: as numbers where all are, else by their letters */
  readonly classes?: readonly string[];
  /** The column with unique names. @default none */
  readonly id?: string;
  /** The column with times: numbers are milliseconds, text is ISO 8601. @default none */
  readonly eventTime?: string;
}

/** Rows that sources infer a schema from. */
export const INFERRED_ROWS = 1000;

/** A column is one of numbers when so many of its values are: the others are broken. */
const NUMBERS_SHARE = 0.9;

/** Longest text of a column that is taken for a category, in bytes; longer ones are words. */
const CATEGORY_BYTES_MAX = 64;

/**
 * The schema that the first rows of a table have: a column is of numbers where nine of ten values are,
 * else of categories or, where one is long, of text; it may be missing where it was. Texts have twice
 * the room of the longest one.
 * @throws TableSchemaError when the rows have no such label, or none of its classes
 */
export function inferTableSchema(rows: readonly Row[], options: InferOptions): TableSchema {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  for (const named of [options.label, options.id, options.eventTime]) {
    if (named === undefined || names.includes(named)) continue;
    throw new TableSchemaError(
      `the first ${rows.length} rows have no column "${named}"; there are ${names.join(", ")}`,
    );
  }
  const schema: TableSchema = { columns: names.map((name) => columnOf(name, rows, options)) };
  checkTableSchema(schema);
  return schema;
}

function columnOf(name: string, rows: readonly Row[], options: InferOptions): TableColumn {
  const all = rows.map((row) => row[name] ?? null);
  const values = all.filter((value) => value !== null);
  if (name === options.label) {
    return { name, kind: "label", classes: options.classes ?? classesIn(values) };
  }
  if (name === options.id) return { name, kind: "id" };
  const numbers = values.filter((value) => typeof value === "number" || typeof value === "bigint");
  const isNumber = numbers.length >= NUMBERS_SHARE * values.length;
  if (name === options.eventTime) {
    return isNumber ? { name, kind: "eventTime" } : { name, kind: "eventTime", unit: "iso" };
  }
  if (values.some((value) => typeof value === "object")) {
    const what = values.some((value) => value instanceof Date) ? "times" : "lists or objects";
    throw new TableSchemaError(`column "${name}" holds ${what}, no features; give a schema`);
  }
  const optional = values.length < all.length ? { optional: true } : {};
  if (isNumber) return { name, kind: "number", ...optional };
  const longest = Math.max(
    ...values.map((value) => new TextEncoder().encode(textOf(value)).length),
  );
  const isCategory = longest <= CATEGORY_BYTES_MAX;
  const bytesMax = Math.min(TEXT_BYTES_MAX, Math.max(CATEGORY_BYTES_MAX, 2 * longest));
  return { name, kind: isCategory ? "category" : "text", bytesMax, ...optional };
}

function classesIn(values: readonly unknown[]): readonly string[] {
  const names = [...new Set(values.map(textOf))];
  const areNumbers = names.every((name) => name.trim() !== "" && Number.isFinite(Number(name)));
  return names.toSorted((a, b) => (areNumbers ? Number(a) - Number(b) : a < b ? -1 : 1));
}

function textOf(value: unknown): string {
  const isPlain = ["string", "number", "bigint", "boolean"].includes(typeof value);
  return isPlain ? `${value as string | number | bigint | boolean}` : "";
}
