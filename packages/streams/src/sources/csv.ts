import { basename } from "node:path";
import { classes, type ClassTarget, type Sample, type SampleSchema } from "@everfresh/core";
import { SourceFormatError, SourceValueError } from "../errors.ts";
import { type CsvRow, csvRows } from "./csv-rows.ts";
import { readIndexed } from "./indexed-samples.ts";
import type { ReadOptions, Source } from "./source.ts";

/** A column: its name in the header, or its place from 0. */
export type CsvColumn = string | number;

/** Options of {@link csv}. */
export interface CsvOptions {
  /** Path of the file, gzip or not. */
  readonly file: string;
  /** The column with the class. */
  readonly label: CsvColumn;
  /** The columns with numbers, in the order that the model takes them. @default all the others */
  readonly features?: readonly CsvColumn[];
  /**
   * The classes as the file writes them; a label is the place of its class in this list.
   * @default those in the file, sorted: as numbers where all are, else by their letters
   */
  readonly classes?: readonly string[];
  /** Whether the first row has names. @default true */
  readonly header?: boolean;
  /** What stands between two values of a row. @default "," */
  readonly delimiter?: string;
  /** @default the file name without its endings */
  readonly name?: string;
}

/** More classes than a file can be meant to have: a number column was named as the label. */
const DISCOVERED_CLASSES_MAX = 10_000;

/**
 * A plain decimal number. `Number()` alone would take an empty value as 0, and hexadecimal digits.
 */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * Samples from a table as text (RFC 4180): a row each, features of float32 from columns of numbers,
 * the label from a column of classes. The file is read and checked once, on opening, and held in
 * memory as numbers. It has no times: sample `i` is dated `i` milliseconds after the epoch.
 * @throws SourceUnreadableError, SourceGzipError, SourceFormatError, SourceSizeError
 * @throws SourceValueError for a value that is no finite number, or a class that is not listed; it
 * names line and column
 */
export async function csv(options: CsvOptions): Promise<Source> {
  const { file, name = basename(file).replace(/[.].*$/, "") } = options;
  const table = await readTable(options);
  const target = targetOf(options, table);
  const labelOf = new Map(target.labels.map((text, label) => [text, label]));
  const labels = Int32Array.from(table.labels, ({ text, line }) => {
    const label = labelOf.get(text);
    if (label !== undefined) return label;
    throw new SourceValueError(file, line, table.labelName, text, {
      needed: `one of the classes ${target.labels.join(", ")}`,
    });
  });
  const { width } = table;
  const values = Float32Array.from(table.values);
  const schema: SampleSchema = { features: { dtype: "float32", shape: [width] }, target };
  const sampleAt = (position: number): Sample => ({
    id: `${name}-${position}`,
    eventTimeMs: position,
    features: values.subarray(position * width, (position + 1) * width),
    label: labels[position] ?? 0,
  });
  return {
    name,
    schema,
    size: labels.length,
    read: (readOptions?: ReadOptions) => readIndexed(labels.length, sampleAt, readOptions),
  };
}

interface Table {
  /** Features of a row. */
  readonly width: number;
  /** Row by row. */
  readonly values: readonly number[];
  readonly labels: readonly { readonly text: string; readonly line: number }[];
  readonly labelName: string;
}

async function readTable(options: CsvOptions): Promise<Table> {
  const { file, header = true, delimiter = "," } = options;
  const values: number[] = [];
  const labels: { text: string; line: number }[] = [];
  let columns: Columns | undefined;
  for await (const row of csvRows(file, delimiter)) {
    if (columns === undefined) {
      columns = columnsOf(options, row);
      if (header) continue;
    }
    checkWidth(file, row, columns.names.length);
    for (const column of columns.features) values.push(numberIn(file, row, column, columns));
    labels.push({ text: (row.fields[columns.label] ?? "").trim(), line: row.line });
  }
  if (columns === undefined || labels.length === 0) {
    throw new SourceFormatError(`"${file}" has no row of values; give a table with samples`, {
      path: file,
    });
  }
  const labelName = columns.names[columns.label] ?? "";
  return { width: columns.features.length, values, labels, labelName };
}

interface Columns {
  /** Names of the header; without one, the columns' places from 0. */
  readonly names: readonly string[];
  readonly label: number;
  readonly features: readonly number[];
}

function columnsOf({ file, label, features, header = true }: CsvOptions, first: CsvRow): Columns {
  const names = header
    ? first.fields.map((field) => field.trim())
    : [...first.fields.keys()].map(String);
  const placeOf = (column: CsvColumn): number => {
    const place = typeof column === "number" ? column : header ? names.indexOf(column) : -1;
    if (Number.isSafeInteger(place) && place >= 0 && place < names.length) return place;
    const there = header ? names.join(", ") : `places 0 to ${names.length - 1} and no names`;
    throw new SourceFormatError(`"${file}" has no column ${column}; there are ${there}`, {
      path: file,
      column,
    });
  };
  const place = placeOf(label);
  const others = [...names.keys()].filter((other) => other !== place);
  const chosen = features?.map(placeOf) ?? others;
  if (chosen.length === 0 || chosen.includes(place)) {
    throw new SourceFormatError(
      `"${file}": column ${label} is the label; name one or more other columns as features`,
      { path: file, column: label },
    );
  }
  return { names, label: place, features: chosen };
}

function checkWidth(file: string, { fields, line }: CsvRow, expected: number): void {
  if (fields.length === expected) return;
  throw new SourceFormatError(
    `"${file}" has ${fields.length} values in line ${line}, ${expected} in its first row;` +
      " fix the line, or give the delimiter of the file",
    { path: file, line, found: fields.length, expected },
  );
}

function numberIn(file: string, row: CsvRow, column: number, { names }: Columns): number {
  const text = (row.fields[column] ?? "").trim();
  const value = Math.fround(Number(text));
  if (DECIMAL.test(text) && Number.isFinite(value)) return value;
  throw new SourceValueError(file, row.line, names[column] ?? "", text, {
    needed: "a number that float32 can hold",
  });
}

function targetOf({ file, classes: listed, label }: CsvOptions, { labels }: Table): ClassTarget {
  if (listed !== undefined) return classes(listed.length, listed);
  const found = new Set<string>();
  for (const { text } of labels) {
    found.add(text);
    if (found.size > DISCOVERED_CLASSES_MAX) break;
  }
  if (found.size < 2 || found.size > DISCOVERED_CLASSES_MAX) {
    const amount = found.size < 2 ? "fewer than 2" : `more than ${DISCOVERED_CLASSES_MAX}`;
    throw new SourceFormatError(
      `"${file}" has ${amount} classes in column ${label}; list the classes, or name another column`,
      { path: file, column: label },
    );
  }
  return classes(found.size, sorted([...found]));
}

/** By value where all are numbers, else by code units: the same on every machine. */
function sorted(names: readonly string[]): readonly string[] {
  if (names.every((name) => DECIMAL.test(name))) {
    return names.toSorted((a, b) => Number(a) - Number(b));
  }
  return names.toSorted((a, b) => (a < b ? -1 : 1));
}
