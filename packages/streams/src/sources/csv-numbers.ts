import { SourceFormatError } from "../errors.ts";
import type { TableSchema } from "../tables/table-schema.ts";
import type { CsvColumn, CsvNumbersOptions } from "./csv-options.ts";
import type { CsvTable } from "./csv-table.ts";

/** More classes than a file can be meant to have: a number column was named as the label. */
const DISCOVERED_CLASSES_MAX = 10_000;

/** A plain decimal number; `Number()` alone would take hexadecimal digits too. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * The schema of a table whose features are numbers.
 * @throws SourceFormatError for columns that are not there, or less than 2 classes
 */
export async function numbersSchema(
  table: CsvTable,
  { label, features, classes }: CsvNumbersOptions,
): Promise<TableSchema> {
  const { file, names } = table;
  const name = nameOf(table, label);
  const chosen =
    features?.map((column) => nameOf(table, column)) ?? names.filter((other) => other !== name);
  if (chosen.length === 0 || chosen.includes(name)) {
    throw new SourceFormatError(
      `"${file}": column ${label} is the label; name one or more other columns as features`,
      { path: file, column: label },
    );
  }
  return {
    columns: [
      ...chosen.map((feature) => ({ name: feature, kind: "number" }) as const),
      { name, kind: "label", classes: classes ?? (await classesIn(table, name, label)) },
    ],
    extra: "ignore",
  };
}

function nameOf({ file, names, isNamed }: CsvTable, column: CsvColumn): string {
  const place = typeof column === "number" ? column : isNamed ? names.indexOf(column) : -1;
  const name = names[place];
  if (name !== undefined) return name;
  const there = isNamed ? names.join(", ") : `places 0 to ${names.length - 1} and no names`;
  throw new SourceFormatError(`"${file}" has no column ${column}; there are ${there}`, {
    path: file,
    column,
  });
}

async function classesIn(
  table: CsvTable,
  name: string,
  label: CsvColumn,
): Promise<readonly string[]> {
  const found = new Set<string>();
  for await (const row of table.rows()) {
    const value = row[name];
    if (typeof value === "string") found.add(value);
    if (found.size > DISCOVERED_CLASSES_MAX) break;
  }
  if (found.size >= 2 && found.size <= DISCOVERED_CLASSES_MAX) return sorted([...found]);
  const amount = found.size < 2 ? "fewer than 2" : `more than ${DISCOVERED_CLASSES_MAX}`;
  throw new SourceFormatError(
    `"${table.file}" has ${amount} classes in column ${label}; list the classes, or name another column`,
    { path: table.file, column: label },
  );
}

/** By value where all are numbers, else by code units: the same on every machine. */
function sorted(names: readonly string[]): readonly string[] {
  if (names.every((name) => DECIMAL.test(name))) {
    return names.toSorted((a, b) => Number(a) - Number(b));
  }
  return names.toSorted((a, b) => (a < b ? -1 : 1));
}
