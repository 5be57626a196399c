import {
  classes,
  type RawFeatures,
  rowBytesOf,
  type RowColumn,
  type SampleSchema,
  TEXT_BYTES_MAX,
} from "@everfresh/core";
import { TableSchemaError } from "../errors.ts";

/** What the columns of a table are: plain data, given in a configuration or by the first rows. */
export interface TableSchema {
  /** In the order in which features take them. */
  readonly columns: readonly TableColumn[];
  /** What becomes of a row with more fields than these. @default "refuse" */
  readonly extra?: "refuse" | "ignore";
}

/** One column of a table. */
export type TableColumn = NumberColumn | TextColumn | LabelColumn | EventTimeColumn | IdColumn;

/** Numbers that are features. */
export interface NumberColumn {
  readonly name: string;
  readonly kind: "number";
  /** Smallest one. @default none */
  readonly min?: number;
  /** Largest one. @default none */
  readonly max?: number;
  /** Whether one may be missing. @default false */
  readonly optional?: boolean;
}

/** Texts that are features: names of categories, or words. */
export interface TextColumn {
  readonly name: string;
  readonly kind: "category" | "text";
  /** Longest one in UTF-8, in bytes. @default 64 for categories, 1024 for texts */
  readonly bytesMax?: number;
  /** Whether one may be missing. @default false */
  readonly optional?: boolean;
}

/** The class of a row; every table has one such column. */
export interface LabelColumn {
  readonly name: string;
  readonly kind: "label";
  /** As the table writes them; a label is the place of its class in this list. */
  readonly classes: readonly string[];
}

/** When a row happened. */
export interface EventTimeColumn {
  readonly name: string;
  readonly kind: "eventTime";
  /** Since the Unix epoch, or text as ISO 8601 has it. @default "milliseconds" */
  readonly unit?: "milliseconds" | "seconds" | "iso";
}

/** The unique name of a row: text, or a whole number. */
export interface IdColumn {
  readonly name: string;
  readonly kind: "id";
}

/** Longest text of a column that does not say, in bytes. */
const BYTES_MAX_DEFAULT = { category: 64, text: 1024 } as const;

/** Room for the text of a column, in bytes. */
export function bytesMaxOf({ kind, bytesMax = BYTES_MAX_DEFAULT[kind] }: TextColumn): number {
  return bytesMax;
}

/** The columns that are features, in their order. */
export function featureColumns(schema: TableSchema): readonly (NumberColumn | TextColumn)[] {
  return schema.columns.flatMap((column) => {
    const isFeature =
      column.kind === "number" || column.kind === "category" || column.kind === "text";
    return isFeature ? [column] : [];
  });
}

/**
 * What the features of a row are before preprocessing: numbers alone are a vector of float32, NaN
 * where one is missing; with texts they are bytes as `encodeRow` writes them.
 */
export function rawFeaturesOf(schema: TableSchema): RawFeatures {
  const features = featureColumns(schema);
  if (features.every(({ kind }) => kind === "number")) {
    return { kind: "numbers", columns: features.map(({ name }) => name) };
  }
  return { kind: "row", columns: rowColumnsOf(schema) };
}

/** The feature columns as `encodeRow` takes them. */
export function rowColumnsOf(schema: TableSchema): readonly RowColumn[] {
  return featureColumns(schema).map((column) =>
    column.kind === "number"
      ? { name: column.name, kind: "number" }
      : { name: column.name, kind: "text", bytesMax: bytesMaxOf(column) },
  );
}

/** What the samples of such a table look like. */
export function sampleSchemaOf(schema: TableSchema): SampleSchema {
  const raw = rawFeaturesOf(schema);
  const listed = labelColumnOf(schema).classes;
  const features: SampleSchema["features"] =
    raw.kind === "row"
      ? { dtype: "uint8", shape: [rowBytesOf(raw.columns)] }
      : { dtype: "float32", shape: [featureColumns(schema).length] };
  return { features, target: classes(listed.length, listed) };
}

/** The column with the classes. */
export function labelColumnOf(schema: TableSchema): LabelColumn {
  const column = schema.columns.find(({ kind }) => kind === "label");
  if (column?.kind === "label") return column;
  throw new TableSchemaError("it has no column of kind label; name the column with the classes");
}

/**
 * Checks a schema.
 * @throws TableSchemaError for columns of one name, not one label, two ids or times, no features, or
 * numbers that cannot be
 */
export function checkTableSchema(schema: TableSchema): void {
  const names = schema.columns.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TableSchemaError(`column "${twice}" is there twice`);
  for (const kind of ["label", "id", "eventTime"] as const) {
    const found = schema.columns.filter((column) => column.kind === kind);
    if (found.length > 1) {
      const listed = found.map(({ name }) => name).join(", ");
      throw new TableSchemaError(`columns ${listed} are all of kind ${kind}; one may be`);
    }
  }
  const listed = labelColumnOf(schema).classes;
  if (listed.length < 2 || new Set(listed).size !== listed.length) {
    throw new TableSchemaError(
      `the label needs 2 or more different classes, got ${listed.slice(0, 8).join(", ")}`,
    );
  }
  const features = featureColumns(schema);
  if (features.length === 0)
    throw new TableSchemaError("no column is a feature; name at least one");
  for (const column of features) checkColumn(column);
}

function checkColumn(column: NumberColumn | TextColumn): void {
  const { name } = column;
  if (column.kind === "number") {
    const { min = -Infinity, max = Infinity } = column;
    if (min <= max) return;
    throw new TableSchemaError(`column "${name}" goes from ${min} to ${max}; give min up to max`);
  }
  const bytesMax = bytesMaxOf(column);
  if (Number.isSafeInteger(bytesMax) && bytesMax >= 1 && bytesMax <= TEXT_BYTES_MAX) return;
  throw new TableSchemaError(
    `column "${name}" has texts of up to ${bytesMax} bytes; give 1 to ${TEXT_BYTES_MAX}`,
  );
}
