import { basename } from "node:path";
import type { Clock } from "@everfresh/core";
import { SourceFormatError } from "../errors.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import type { Row } from "../tables/check-row.ts";
import {
  INFERRED_ROWS,
  type InferOptions,
  inferTableSchema,
  type SchemaOptions,
} from "../tables/infer-schema.ts";
import { parseJsonRow } from "../tables/json-row.ts";
import type { TableSchema } from "../tables/table-schema.ts";
import { openRowFile, recordsIn } from "./row-file.ts";
import type { Source } from "./source.ts";
import { LINES, type RecordPlace } from "./split-records.ts";

/** Options of {@link jsonLines}. */
export type JsonLinesOptions = SchemaOptions & {
  /** Path of the file, gzip or not. */
  readonly file: string;
  /** Takes rows that the schema does not; without it the first one is an error. */
  readonly quarantine?: Quarantine | undefined;
  /** Says what is in the future. @default no event time is */
  readonly clock?: Pick<Clock, "nowMs">;
  /** @default the file name without its endings */
  readonly name?: string;
};

const START: RecordPlace = { offset: 0, line: 1, number: 1 };

/**
 * Samples from lines that are a JSON object each. The file is read and checked once, on opening, and
 * again as samples are read; little of it is in memory, however long it is. Rows without a column of ids
 * or times have the number of their line, and are dated so many milliseconds after the epoch.
 * @throws SourceUnreadableError, SourceFormatError, TableSchemaError
 * @throws SourceGzipError, SourceRowError for what the schema does not take, where there is no
 * quarantine; it names line and column
 */
export async function jsonLines(options: JsonLinesOptions): Promise<Source> {
  const { file, name = basename(file).replace(/[.].*$/, ""), quarantine, clock } = options;
  const isLenient = quarantine !== undefined;
  const schema = "schema" in options ? options.schema : await inferFrom(file, options, isLenient);
  return openRowFile({
    ...{ file, name, schema, quarantine, clock },
    format: LINES,
    start: START,
    parse: parseJsonRow,
  });
}

async function inferFrom(
  file: string,
  options: InferOptions,
  isLenient: boolean,
): Promise<TableSchema> {
  const rows: Row[] = [];
  let lines = 0;
  for await (const { bytes } of recordsIn({ file, format: LINES }, START, { isLenient }).records) {
    const { row } = parseJsonRow(bytes);
    if (row !== null) rows.push(row);
    if (++lines === INFERRED_ROWS) break;
  }
  if (rows.length > 0) return inferTableSchema(rows, options);
  throw new SourceFormatError(
    `"${file}" has no line with a JSON object; give a file of such lines`,
    { path: file },
  );
}
