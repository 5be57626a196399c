import { basename } from "node:path";
import type { TableSchema } from "../tables/table-schema.ts";
import type { CsvOptions } from "./csv-options.ts";
import { type CsvTable, openCsvTable } from "./csv-table.ts";
import { numbersSchema } from "./csv-numbers.ts";
import { tableSchemaFor } from "./csv-schema.ts";
import { openRowFile } from "./row-file.ts";
import type { Source } from "./source.ts";

/**
 * Samples from a table as text (RFC 4180), a row each. Spaces around a value do not count, and an empty
 * one is missing. The file is read and checked once, on opening, and again as samples are read; little
 * of it is in memory, however long it is. Rows without a column of ids or times have their number, from
 * 0, and are dated so many milliseconds after the epoch.
 * @throws SourceUnreadableError, TableSchemaError
 * @throws SourceFormatError for a file without such columns, rows or classes
 * @throws SourceGzipError, SourceRowError for what is no sample, where there is no quarantine; it names
 * line and column
 */
export async function csv(options: CsvOptions): Promise<Source> {
  const { file, name = basename(file).replace(/[.].*$/, ""), quarantine, clock } = options;
  const table = await openCsvTable(options);
  const schema = await schemaOf(options, table);
  return openRowFile({
    ...{ file, name, schema, quarantine, clock, asText: true },
    ...{ format: table.format, start: table.start, parse: table.parse, kept: table.kept },
  });
}

function schemaOf(options: CsvOptions, table: CsvTable): Promise<TableSchema> {
  return "schema" in options
    ? tableSchemaFor(table, options.schema)
    : numbersSchema(table, options);
}
