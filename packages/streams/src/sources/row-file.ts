import { stat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import type { Clock, Sample } from "@everfresh/core";
import { SourceFormatError, SourceGzipError } from "../errors.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import {
  type CheckedRow,
  type ParsedRow,
  type Row,
  rowChecker,
  type RowRules,
} from "../tables/check-row.ts";
import type { RowFault } from "../tables/row-fault.ts";
import { checkTableSchema, sampleSchemaOf, type TableSchema } from "../tables/table-schema.ts";
import { checkJsonRow } from "../tables/json-row.ts";
import { brokenRows } from "./broken-rows.ts";
import { fileChunks } from "./file-chunks.ts";
import { checkFrom } from "./indexed-samples.ts";
import { KnownIds } from "./known-ids.ts";
import { RowIndex } from "./row-index.ts";
import type { ReadOptions, Source } from "./source.ts";
import {
  type FoundRecord,
  type RecordFormat,
  type RecordPlace,
  splitRecords,
} from "./split-records.ts";

/** A file of rows, and how to read it. */
export interface RowFile {
  /** Path of the file, gzip or not. */
  readonly file: string;
  /** Of the source. */
  readonly name: string;
  readonly schema: TableSchema;
  readonly format: RecordFormat;
  /** Where the first row may begin. */
  readonly start: RecordPlace;
  /** The fields of a record. */
  readonly parse: (bytes: Uint8Array) => ParsedRow;
  /** What a quarantine keeps of a record. @default its bytes */
  readonly kept?: (bytes: Uint8Array) => Uint8Array;
  /** Whether numbers come as text. @default false */
  readonly asText?: boolean;
  readonly quarantine?: Quarantine | undefined;
  readonly clock?: Pick<Clock, "nowMs"> | undefined;
}

/** Rows between two turns of the event loop, so that a tight reader cannot starve a cancellation. */
const ROWS_PER_TURN = 64;

/**
 * The source that a file of rows is. All rows are checked once, now; what stays in memory is a place for
 * every 1,024 samples, a number for each broken row, and 64 bits for each id. A reading begins at the
 * nearest place; of a gzip it has to unpack what is before.
 * @throws SourceUnreadableError, TableSchemaError
 * @throws SourceGzipError, SourceRowError where there is no quarantine
 */
export async function openRowFile(table: RowFile): Promise<Source> {
  checkTableSchema(table.schema);
  const check = rowChecker(table.schema);
  const opened = await stampOf(table.file);
  const idField = table.schema.columns.find(({ kind }) => kind === "id")?.name;
  const ids = idField === undefined ? null : new KnownIds();
  const index = await indexOf(table, check, ids);
  const { schema, asText = false } = table;
  return {
    quarantine: table.quarantine,
    ...(idField === undefined ? {} : { idField }),
    check: (bytes, { isKnown, ...rules }) =>
      checkJsonRow(schema, bytes, {
        ...rules,
        asText,
        isKnown: (id) => (ids?.has(id) ?? false) || (isKnown?.(id) ?? false),
      }),
    name: table.name,
    schema: sampleSchemaOf(table.schema),
    size: index.count,
    read: (options: ReadOptions = {}) => {
      checkFrom(options.from ?? 0);
      return readRows({ table, check, index, opened }, options);
    },
  };
}

/** Makes samples of fields. */
type Check = (row: Row, rules: RowRules) => CheckedRow;

/** The records of a file from a place on; of a gzip that lost its end those that are there. */
export function recordsIn(
  { file, format }: Pick<RowFile, "file" | "format">,
  from: RecordPlace,
  { signal, isLenient = false }: { signal?: AbortSignal | undefined; isLenient?: boolean } = {},
): { readonly records: AsyncIterable<FoundRecord>; readonly damage: () => SourceGzipError | null } {
  let damage: SourceGzipError | null = null;
  const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* fileChunks(file, { from: from.offset, signal });
    } catch (error) {
      // What is before a place that was damaged may be wrong too, and is none of the rows written.
      const isCut = error instanceof SourceGzipError && error.isCut;
      if (!isLenient || !isCut) throw error;
      damage = error;
    }
  };
  return {
    records: splitRecords(chunks(), format, from, () => damage !== null),
    damage: () => damage,
  };
}

async function indexOf(
  table: RowFile,
  checkFields: Check,
  ids: KnownIds | null,
): Promise<RowIndex> {
  const { file, name, quarantine, kept = (bytes: Uint8Array): Uint8Array => bytes } = table;
  const index = new RowIndex();
  const nowMs = table.clock?.nowMs() ?? Infinity;
  const broken = await brokenRows(name, quarantine);
  const { records, damage } = recordsIn(table, table.start, {
    isLenient: quarantine !== undefined,
  });
  let isOpen = false;
  for await (const record of records) {
    isOpen = record.isOpen;
    const place = `line ${record.line}`;
    const { sample, fault } = sampleIn(table, record, checkFields, {
      nowMs,
      isKnown: (id) => ids?.has(id) ?? false,
    });
    const cut = isOpen ? damage() : null;
    const found = cut === null ? fault : truncated(cut);
    if (found !== null || broken.isKnown(place, () => kept(record.bytes))) {
      index.addBroken(record.number);
      if (found !== null) await broken.add(file, place, kept(record.bytes), found);
      continue;
    }
    ids?.add(sample?.id ?? "");
    index.addSample(record);
  }
  const cut = damage();
  if (cut !== null && !isOpen) {
    await broken.add(file, "the end", new Uint8Array(0), truncated(cut));
  }
  await broken.flush();
  return index;
}

async function* readRows(
  {
    table,
    check,
    index,
    opened,
  }: {
    readonly table: RowFile;
    readonly check: Check;
    readonly index: RowIndex;
    readonly opened: Stamp;
  },
  { from = 0, signal }: ReadOptions,
): AsyncGenerator<Sample, void, undefined> {
  signal?.throwIfAborted();
  const start = index.before(from);
  if (start === null) return;
  const now = await stampOf(table.file);
  // What is written behind the rows that are known does not matter.
  if (now.bytes < opened.bytes || (now.bytes === opened.bytes && now.atMs !== opened.atMs)) {
    throw changed(table.file);
  }
  const isSample = index.from(start.place.number);
  const isLenient = table.quarantine !== undefined;
  const { records } = recordsIn(table, start.place, { signal, isLenient });
  let { position } = start;
  for await (const record of records) {
    if (!isSample(record.number) || position++ < from) continue;
    if ((position - from) % ROWS_PER_TURN === 0) await setImmediate();
    signal?.throwIfAborted();
    const { sample } = sampleIn(table, record, check, {});
    if (sample === null) throw changed(table.file);
    yield sample;
    if (position === index.count) return;
  }
  throw changed(table.file);
}

function sampleIn(
  { name, parse, asText = false }: RowFile,
  { bytes, number }: FoundRecord,
  check: Check,
  rules: Pick<RowRules, "nowMs" | "isKnown">,
): CheckedRow {
  const { row, fault } = parse(bytes);
  if (row === null) return { sample: null, fault };
  return check(row, { id: `${name}-${number}`, eventTimeMs: number, asText, ...rules });
}

function truncated({ message }: Error): RowFault {
  return { kind: "truncated", column: null, reason: `the file ends within this row: ${message}` };
}

interface Stamp {
  readonly bytes: number;
  readonly atMs: number;
}

async function stampOf(file: string): Promise<Stamp> {
  try {
    const { size, mtimeMs } = await stat(file);
    return { bytes: size, atMs: mtimeMs };
  } catch {
    // Whoever reads it says what is wrong.
    return { bytes: 0, atMs: 0 };
  }
}

function changed(file: string): SourceFormatError {
  return new SourceFormatError(`"${file}" has changed since it was opened; open it again`, {
    path: file,
  });
}
