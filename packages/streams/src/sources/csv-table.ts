import { SourceFormatError } from "../errors.ts";
import type { ParsedRow, Row } from "../tables/check-row.ts";
import type { FaultKind } from "../tables/row-fault.ts";
import type { CsvFileOptions } from "./csv-options.ts";
import { csvRecords, csvValues } from "./csv-records.ts";
import { recordsIn } from "./row-file.ts";
import {
  type FoundRecord,
  RECORD_BYTES_MAX,
  type RecordFormat,
  type RecordPlace,
} from "./split-records.ts";

/** A file with a table as text, whose columns are known. */
export interface CsvTable {
  readonly file: string;
  /** Of the columns, each once: where the header has one twice, the later ones have their place too. */
  readonly names: readonly string[];
  /** Whether the file says the names, or somebody else does. */
  readonly isNamed: boolean;
  readonly format: RecordFormat;
  /** Where the rows of values begin. */
  readonly start: RecordPlace;
  /** The values of a record by the names of the columns; null where one is missing. */
  readonly parse: (bytes: Uint8Array) => ParsedRow;
  /** What a quarantine keeps: the row as JSON where it has a value for each column, else as it came. */
  readonly kept: (bytes: Uint8Array) => Uint8Array;
  /** The rows of values, as a reading for the schema needs them; those that have none are left out. */
  rows(): AsyncGenerator<Row, void, undefined>;
}

/** A delimiter is part of a line, and tells values in quotes from others. */
const DELIMITER = /^[^"\r\n]+$/;

/**
 * Looks at the first row.
 * @throws SourceUnreadableError, SourceGzipError
 * @throws SourceFormatError for a file without a row of values, or an odd delimiter
 */
export async function openCsvTable(options: CsvFileOptions): Promise<CsvTable> {
  const { file, header = true, delimiter = ",", missing = [], quarantine } = options;
  if (!DELIMITER.test(delimiter)) {
    throw new SourceFormatError(
      `"${file}" cannot have ${JSON.stringify(delimiter)} between its values; give text without` +
        " quotes and line breaks",
      { path: file },
    );
  }
  const format = csvRecords(delimiter);
  const isLenient = quarantine !== undefined;
  const before: RecordPlace = { offset: 0, line: 1, number: 0 };
  const found: FoundRecord[] = [];
  const { records } = recordsIn({ file, format }, before, { isLenient });
  for await (const record of records) if (found.push(record) === 2) break;
  const [first, second] = found;
  const firstValue = header === true ? second : first;
  if (first === undefined || firstValue === undefined) throw noRows(file);
  const names = namesOf(file, header, splitOf(first.bytes, delimiter));
  const absent = new Set(["", ...missing]);
  const parse = (bytes: Uint8Array): ParsedRow => parsed(bytes, delimiter, names, absent);
  const { offset, line } = firstValue;
  const start: RecordPlace = { offset, line, number: 0 };
  return {
    ...{ file, names, isNamed: header !== false, format, start, parse },
    kept: (bytes) => {
      const { row } = parse(bytes);
      return row === null ? bytes : new TextEncoder().encode(JSON.stringify(row));
    },
    rows: async function* () {
      for await (const { bytes } of recordsIn({ file, format }, start, { isLenient }).records) {
        const { row } = parse(bytes);
        if (row !== null) yield row;
      }
    },
  };
}

function splitOf(bytes: Uint8Array, delimiter: string): readonly string[] | null {
  return csvValues(new TextDecoder().decode(bytes), delimiter);
}

function namesOf(
  file: string,
  header: boolean | readonly string[],
  first: readonly string[] | null,
): readonly string[] {
  if (first === null) {
    throw new SourceFormatError(
      `"${file}" is no table of values: the quotes of its first row are not in pairs`,
      { path: file },
    );
  }
  if (header === false) return first.map((_, place) => String(place));
  const named = header === true ? first.map((name) => name.trim()) : header;
  if (named.length !== first.length) {
    throw new SourceFormatError(
      `"${file}" has ${first.length} values in its first row, and ${named.length} names were given`,
      { path: file },
    );
  }
  return named.map((name, place) => (named.indexOf(name) === place ? name : `${name}#${place}`));
}

function parsed(
  bytes: Uint8Array,
  delimiter: string,
  names: readonly string[],
  absent: ReadonlySet<string>,
): ParsedRow {
  if (bytes.length > RECORD_BYTES_MAX) {
    return broken("hugeValue", `a row of more than ${RECORD_BYTES_MAX} bytes`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return broken("badUtf8", "its bytes are not UTF-8");
  }
  const values = csvValues(text, delimiter);
  if (values === null) return broken("syntax", "its quotes are not in pairs around values");
  if (values.length !== names.length) {
    const reason = `it has ${values.length} values for ${names.length} columns`;
    return broken(values.length < names.length ? "missingField" : "extraField", reason);
  }
  const fields = names.map((name, i): [string, string | null] => {
    const value = (values[i] ?? "").trim();
    return [name, absent.has(value) ? null : value];
  });
  return { row: Object.fromEntries(fields), fault: null };
}

function broken(kind: FaultKind, reason: string): ParsedRow {
  return { row: null, fault: { kind, column: null, reason } };
}

function noRows(file: string): SourceFormatError {
  return new SourceFormatError(`"${file}" has no row of values; give a table with samples`, {
    path: file,
  });
}
