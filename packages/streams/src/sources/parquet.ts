import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Clock, Sample } from "@everfresh/core";
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { SourceFormatError, SourceUnreadableError } from "../errors.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import { checkRow, type CheckedRow, type Row } from "../tables/check-row.ts";
import { INFERRED_ROWS, inferTableSchema, type SchemaOptions } from "../tables/infer-schema.ts";
import { checkJsonRow } from "../tables/json-row.ts";
import { checkTableSchema, sampleSchemaOf } from "../tables/table-schema.ts";
import { brokenRows } from "./broken-rows.ts";
import { checkFrom } from "./indexed-samples.ts";
import { KnownIds } from "./known-ids.ts";
import type { ReadOptions, Source } from "./source.ts";

/** Options of {@link parquet}. */
export type ParquetOptions = SchemaOptions & {
  /** Path of the file: uncompressed, or with snappy, gzip, brotli or zstd. */
  readonly file: string;
  /** Takes rows that the schema does not; without it the first one is an error. */
  readonly quarantine?: Quarantine | undefined;
  /** Says what is in the future. @default no event time is */
  readonly clock?: Pick<Clock, "nowMs">;
  /** @default the file name without its endings */
  readonly name?: string;
};

/** Rows that are in memory at a time, at most; groups of fewer rows are read one by one. */
const ROWS_PER_READ_MAX = 65_536;

const COMPRESSORS: Compressors = {
  GZIP: (bytes) => new Uint8Array(gunzipSync(bytes)),
  BROTLI: (bytes) => new Uint8Array(brotliDecompressSync(bytes)),
  ZSTD: (bytes) => new Uint8Array(zstdDecompressSync(bytes)),
};

/** A Parquet file that was looked at. */
interface Table {
  readonly file: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  /** Rows, right and broken ones. */
  readonly count: number;
  /** Where parts begin that are read at a time, and after them the count: none spans two groups. */
  readonly starts: readonly number[];
}

/**
 * Samples from the rows of a Parquet file. All rows are checked once, on opening; reading holds some
 * thousands of them in memory at a time. Rows without a column of ids or times have their number, from
 * 0, and are dated so many milliseconds after the epoch.
 * @throws SourceUnreadableError, SourceFormatError, TableSchemaError
 * @throws SourceRowError for a row that the schema does not take, where there is no quarantine; it
 * names row and column
 */
export async function parquet(options: ParquetOptions): Promise<Source> {
  const { file, name = basename(file).replace(/[.].*$/, ""), quarantine, clock } = options;
  const table = await openTable(file);
  const first = await rowsOf(table, 0, Math.min(INFERRED_ROWS, table.count));
  const schema = "schema" in options ? options.schema : inferTableSchema(first, options);
  checkTableSchema(schema);
  const nowMs = clock?.nowMs() ?? Infinity;
  const check = (row: Row, number: number, isKnown: (id: string) => boolean): CheckedRow =>
    checkRow(schema, row, { id: `${name}-${number}`, eventTimeMs: number, nowMs, isKnown });
  const ids = new KnownIds();
  const idField = schema.columns.find(({ kind }) => kind === "id")?.name;
  const broken = await brokenRows(name, quarantine);
  const good: number[] = [];
  for (const [part, from] of table.starts.entries()) {
    const rows = await rowsOf(table, from, table.starts[part + 1] ?? from);
    for (const [i, row] of rows.entries()) {
      const { sample, fault } = check(row, from + i, (id) => ids.has(id));
      const place = `row ${from + i}`;
      if (fault !== null) await broken.add(file, place, jsonOf(row), fault);
      else if (!broken.isKnown(place, () => jsonOf(row))) {
        ids.add(sample.id);
        good.push(from + i);
      }
    }
  }
  await broken.flush();
  const sampleOf = (row: Row, number: number): Sample | null =>
    check(row, number, () => false).sample;
  return {
    ...{ name, schema: sampleSchemaOf(schema), size: good.length, quarantine },
    ...(idField === undefined ? {} : { idField }),
    check: (bytes, { isKnown, ...rules }) =>
      checkJsonRow(schema, bytes, {
        ...rules,
        isKnown: (id) => ids.has(id) || (isKnown?.(id) ?? false),
      }),
    read: (readOptions: ReadOptions = {}) => {
      checkFrom(readOptions.from ?? 0);
      return readRows(table, good, sampleOf, readOptions);
    },
  };
}

async function* readRows(
  table: Table,
  good: readonly number[],
  sampleOf: (row: Row, number: number) => Sample | null,
  { from = 0, signal }: ReadOptions,
): AsyncGenerator<Sample, void, undefined> {
  let at = from;
  for (const [part, start] of table.starts.entries()) {
    const end = table.starts[part + 1] ?? start;
    if ((good[at] ?? Infinity) >= end) continue;
    signal?.throwIfAborted();
    const rows = await rowsOf(table, start, end);
    for (; (good[at] ?? Infinity) < end; at++) {
      signal?.throwIfAborted();
      const number = good[at] ?? 0;
      const sample = sampleOf(rows[number - start] ?? {}, number);
      if (sample === null) {
        throw new SourceFormatError(
          `"${table.file}" has changed since it was opened; open it again`,
          {
            path: table.file,
            row: number,
          },
        );
      }
      yield sample;
    }
  }
}

async function openTable(file: string): Promise<Table> {
  let buffer: AsyncBuffer;
  try {
    buffer = await partsOf(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SourceUnreadableError(`Cannot read "${file}" (${reason})`, { cause, path: file });
  }
  try {
    const metadata = await parquetMetadataAsync(buffer);
    const starts = [0];
    for (const group of metadata.row_groups) {
      const end = (starts.at(-1) ?? 0) + Number(group.num_rows);
      while ((starts.at(-1) ?? 0) < end) {
        starts.push(Math.min(end, (starts.at(-1) ?? 0) + ROWS_PER_READ_MAX));
      }
    }
    return { file, buffer, metadata, count: starts.at(-1) ?? 0, starts };
  } catch (cause) {
    throw notParquet(file, cause);
  }
}

/** Parts of a file, which is closed again before each is there: hyparquet's own come earlier. */
async function partsOf(file: string): Promise<AsyncBuffer> {
  const { size } = await stat(file);
  return {
    byteLength: size,
    async slice(start, end = size) {
      await using handle = await open(file);
      const bytes = new Uint8Array(Math.min(end, size) - start);
      let filled = 0;
      for (let read = -1; read !== 0 && filled < bytes.length; filled += read) {
        read = (await handle.read(bytes, filled, bytes.length - filled, start + filled)).bytesRead;
      }
      return bytes.buffer.slice(0, filled);
    },
  };
}

async function rowsOf(table: Table, rowStart: number, rowEnd: number): Promise<readonly Row[]> {
  if (rowEnd <= rowStart) return [];
  const { buffer, metadata } = table;
  try {
    return await parquetReadObjects({
      file: buffer,
      metadata,
      rowStart,
      rowEnd,
      compressors: COMPRESSORS,
    });
  } catch (cause) {
    throw notParquet(table.file, cause);
  }
}

function notParquet(file: string, cause: unknown): SourceFormatError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SourceFormatError(`"${file}" is no Parquet file that can be read: ${reason}`, {
    path: file,
  });
}

/** A row as a quarantine keeps it, so that it can be fixed and replayed as JSON. */
function jsonOf(row: Row): Uint8Array {
  const text = JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === "bigint") return Number(value);
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
  return new TextEncoder().encode(text);
}
