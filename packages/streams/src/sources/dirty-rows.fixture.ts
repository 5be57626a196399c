/** Rows of which some are broken, each in one of nine ways; the tenth is a file that lost its end. */
import type { FaultKind } from "../tables/row-fault.ts";
import type { TableSchema } from "../tables/table-schema.ts";

/** Now, for who reads these rows, in milliseconds since the epoch. */
export const DIRTY_NOW_MS = 1_700_000_000_000;

/** What the rows are to be. */
export const DIRTY_SCHEMA: TableSchema = {
  columns: [
    { name: "key", kind: "id" },
    { name: "at", kind: "eventTime" },
    { name: "age", kind: "number", min: 0, max: 120 },
    { name: "job", kind: "category", bytesMax: 16 },
    { name: "y", kind: "label", classes: ["no", "yes"] },
  ],
};

/** Fields by name. */
export type DirtyRow = Readonly<Record<string, string | number | undefined>>;

/** Row `i` as it should be. */
export function rightRow(i: number): DirtyRow {
  return {
    key: `key-${i}`,
    at: DIRTY_NOW_MS - 100_000 + i,
    age: i % 120,
    job: `job ${i % 5}`,
    y: i % 3 === 0 ? "yes" : "no",
  };
}

/** How rows can be broken; `badUtf8` is up to who writes them. Row 0 has to stay right. */
export const BREAKS: readonly (readonly [FaultKind, (row: DirtyRow) => DirtyRow])[] = [
  ["wrongType", (row) => ({ ...row, age: "old" })],
  ["missingField", (row) => ({ ...row, job: undefined })],
  ["extraField", (row) => ({ ...row, note: 1 })],
  ["notFinite", (row) => ({ ...row, age: NaN })],
  ["outOfRange", (row) => ({ ...row, age: 121 })],
  ["badUtf8", (row) => ({ ...row, job: "\u00e9" })],
  ["hugeValue", (row) => ({ ...row, job: "j".repeat(17) })],
  ["duplicateId", (row) => ({ ...row, key: "key-0" })],
  ["futureTime", (row) => ({ ...row, at: DIRTY_NOW_MS + 1e9 })],
];

/** A row that is to be written: which one, and how it is broken, or null. */
export interface WrittenRow {
  readonly i: number;
  readonly broken: (typeof BREAKS)[number] | null;
}

/** The rows that a list of broken places gives: the first of a place counts, row 0 is never broken. */
export function writtenRows(
  count: number,
  broken: readonly (readonly [at: number, kind: number])[],
): readonly WrittenRow[] {
  const kinds = new Map(broken.map(([at, kind]) => [1 + (at % (count - 1)), kind]));
  return Array.from({ length: count }, (_, i) => {
    const kind = kinds.get(i);
    return { i, broken: kind === undefined ? null : (BREAKS[kind % BREAKS.length] ?? null) };
  });
}

/** A row as one JSON object. */
export function jsonOf({ i, broken }: WrittenRow): Buffer {
  const [kind, change] = broken ?? [null, null];
  const row = change === null ? rightRow(i) : change(rightRow(i));
  const text = JSON.stringify(row).replace('"age":null', '"age":NaN');
  return Buffer.from(text, kind === "badUtf8" ? "latin1" : "utf8");
}

/** Rows as JSON lines. */
export function jsonLinesOf(rows: readonly WrittenRow[]): Buffer {
  return Buffer.concat(rows.flatMap((row) => [jsonOf(row), Buffer.from("\n")]));
}

/** Rows as a table of text, with names in its first row. */
export function csvOf(rows: readonly WrittenRow[]): Buffer {
  const names = DIRTY_SCHEMA.columns.map(({ name }) => name);
  const lines = rows.map(({ i, broken }) => {
    const [kind, change] = broken ?? [null, null];
    const row = change === null ? rightRow(i) : change(rightRow(i));
    const more = Object.keys(row).filter((name) => !names.includes(name));
    const text = [...names, ...more].map((name) => String(row[name] ?? "")).join(",");
    return Buffer.from(`${text}\n`, kind === "badUtf8" ? "latin1" : "utf8");
  });
  return Buffer.concat([Buffer.from(`${names.join(",")}\n`), ...lines]);
}
