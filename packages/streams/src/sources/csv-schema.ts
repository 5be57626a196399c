import { SourceFormatError } from "../errors.ts";
import type { Row } from "../tables/check-row.ts";
import { INFERRED_ROWS, type InferOptions, inferTableSchema } from "../tables/infer-schema.ts";
import type { TableSchema } from "../tables/table-schema.ts";
import type { CsvTable } from "./csv-table.ts";

/** A plain decimal number; `Number()` alone would take hexadecimal digits too. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * The schema that is given, once the table has its columns; or that its first rows have.
 * @throws SourceFormatError for columns that are not there, or that nobody has described
 */
export async function tableSchemaFor(
  table: CsvTable,
  given: TableSchema | InferOptions,
): Promise<TableSchema> {
  if (!("columns" in given)) return inferTableSchema(await firstRows(table, given), given);
  const { file, names } = table;
  const wanted = given.columns.map(({ name }) => name);
  const absent = wanted.filter((name) => !names.includes(name));
  if (absent.length > 0) {
    throw new SourceFormatError(
      `"${file}" has no column ${absent.join(", ")}; there are ${names.join(", ")}`,
      { path: file, columns: absent },
    );
  }
  const extra = names.filter((name) => !wanted.includes(name));
  if (extra.length > 0 && given.extra !== "ignore") {
    throw new SourceFormatError(
      `"${file}" has columns that the schema does not have, ${extra.join(", ")}; describe them, or` +
        ' let it have extra: "ignore"',
      { path: file, columns: extra },
    );
  }
  return given;
}

/** The first rows, with numbers where there is text that is one; classes and ids stay as they are. */
async function firstRows(table: CsvTable, { label, id }: InferOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const row of table.rows()) {
    const values = Object.entries(row).map(([name, value]) => {
      const isName = name === label || name === id;
      return [name, isName ? value : numberOr(value)] as const;
    });
    if (rows.push(Object.fromEntries(values)) === INFERRED_ROWS) break;
  }
  return rows;
}

function numberOr(value: unknown): unknown {
  return typeof value === "string" && DECIMAL.test(value) ? Number(value) : value;
}
