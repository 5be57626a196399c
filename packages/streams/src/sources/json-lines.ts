import { basename } from "node:path";
import { assert, type Clock, type Sample } from "@everfresh/core";
import { SourceFormatError } from "../errors.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import {
  INFERRED_ROWS,
  type InferOptions,
  inferTableSchema,
  type SchemaOptions,
} from "../tables/infer-schema.ts";
import { checkJsonRow, parseJsonRow } from "../tables/json-row.ts";
import type { RowFault } from "../tables/row-fault.ts";
import { checkTableSchema, sampleSchemaOf, type TableSchema } from "../tables/table-schema.ts";
import { brokenRows } from "./broken-rows.ts";
import { readFileBytes } from "./file-bytes.ts";
import { readIndexed } from "./indexed-samples.ts";
import type { ReadOptions, Source } from "./source.ts";
import { readUnpackedPrefix, type UnpackedPrefix } from "./unpacked-prefix.ts";

/** Options of {@link jsonLines}. */
export type JsonLinesOptions = SchemaOptions & {
  /** Path of the file, gzip or not. */
  readonly file: string;
  /** Takes rows that the schema does not; without it the first one is an error. */
  readonly quarantine?: Quarantine;
  /** Says what is in the future. @default no event time is */
  readonly clock?: Pick<Clock, "nowMs">;
  /** @default the file name without its endings */
  readonly name?: string;
};

/**
 * Samples from lines that are a JSON object each. The file is read and checked once, on opening, and
 * held in memory as bytes. Rows without a column of ids or times have the number of their line, and
 * are dated so many milliseconds after the epoch.
 * @throws SourceUnreadableError, SourceGzipError, SourceSizeError, SourceFormatError, TableSchemaError
 * @throws SourceRowError for a row that the schema does not take, where there is no quarantine; it
 * names line and column
 */
export async function jsonLines(options: JsonLinesOptions): Promise<Source> {
  const { file, name = basename(file).replace(/[.].*$/, ""), quarantine, clock } = options;
  const { bytes, damage } = await readLines(file, quarantine);
  const lines = linesIn(bytes);
  const schema = "schema" in options ? options.schema : inferFrom(file, bytes, lines, options);
  checkTableSchema(schema);
  const nowMs = clock?.nowMs() ?? Infinity;
  const check = (line: Line, isKnown: (id: string) => boolean): ReturnType<typeof checkJsonRow> =>
    checkJsonRow(schema, bytes.subarray(line.start, line.end), {
      id: `${name}-${line.number}`,
      eventTimeMs: line.number,
      nowMs,
      isKnown,
    });
  const ids = new Set<string>();
  const good: Line[] = [];
  const broken = brokenRows(name, quarantine);
  for (const line of lines) {
    const isCut = damage !== null && line.end === bytes.length;
    const { sample, fault } = check(line, (id) => ids.has(id));
    const found: RowFault | null = isCut ? truncated(damage) : fault;
    if (found !== null) {
      const row = bytes.subarray(line.start, line.end);
      await broken.add(file, `line ${line.number}`, row, found);
      continue;
    }
    ids.add(sample?.id ?? "");
    good.push(line);
  }
  if (damage !== null && lines.at(-1)?.end !== bytes.length) {
    await broken.add(file, "the end", new Uint8Array(0), truncated(damage));
  }
  await broken.flush();
  const sampleAt = (position: number): Sample => {
    const line = good[position];
    assert(line !== undefined, `sample ${position} has a line`);
    const { sample } = check(line, () => false);
    assert(sample !== null, `line ${line.number} was right when it was opened`);
    return sample;
  };
  return {
    name,
    schema: sampleSchemaOf(schema),
    size: good.length,
    read: (readOptions?: ReadOptions) => readIndexed(good.length, sampleAt, readOptions),
  };
}

interface Line {
  /** From 1. */
  readonly number: number;
  /** Where its bytes are. */
  readonly start: number;
  readonly end: number;
}

async function readLines(
  file: string,
  quarantine: Quarantine | undefined,
): Promise<UnpackedPrefix> {
  if (quarantine !== undefined) return readUnpackedPrefix(file);
  return { bytes: await readFileBytes(file), damage: null };
}

/** Lines that are not empty, without their ends. */
function linesIn(bytes: Uint8Array): readonly Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (let number = 1; start < bytes.length; number++) {
    const found = bytes.indexOf(0x0a, start);
    const next = found < 0 ? bytes.length : found + 1;
    let end = found < 0 ? bytes.length : found;
    if (bytes[end - 1] === 0x0d && end > start) end--;
    if (end > start) lines.push({ number, start, end });
    start = next;
  }
  return lines;
}

function inferFrom(
  file: string,
  bytes: Uint8Array,
  lines: readonly Line[],
  options: InferOptions,
): TableSchema {
  const rows = lines
    .slice(0, INFERRED_ROWS)
    .map(({ start, end }) => parseJsonRow(bytes.subarray(start, end)).row)
    .filter((row) => row !== null);
  if (rows.length > 0) return inferTableSchema(rows, options);
  throw new SourceFormatError(
    `"${file}" has no line with a JSON object; give a file of such lines`,
    { path: file },
  );
}

function truncated({ message }: Error): RowFault {
  return { kind: "truncated", column: null, reason: `the file ends within this row: ${message}` };
}
