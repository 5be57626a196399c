import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { SourceFormatError } from "../errors.ts";
import { readFileBytes } from "./file-bytes.ts";

/** One row of a table as text. */
export interface CsvRow {
  readonly fields: readonly string[];
  /** The line of the file where the row ends, from 1. */
  readonly line: number;
}

/** Bytes that the parser gets at a time: it lets other work through in between. */
const CHUNK_BYTES = 1 << 16;

/** Longest row: beyond it a quote was left open. */
const ROW_BYTES_MAX = 1 << 20;

/**
 * The rows of a file, gzip or not, in UTF-8; empty lines are left out.
 * @throws SourceUnreadableError, SourceGzipError, SourceSizeError
 * @throws SourceFormatError for text that is no table, with its line
 */
export async function* csvRows(
  file: string,
  delimiter: string,
): AsyncGenerator<CsvRow, void, undefined> {
  const bytes = await readFileBytes(file);
  const parser = Readable.from(chunksOf(bytes)).pipe(
    parse({
      bom: true,
      delimiter,
      info: true,
      max_record_size: ROW_BYTES_MAX,
      relax_column_count: true,
      skip_empty_lines: true,
    }),
  );
  try {
    for await (const item of parser) {
      const { record, info } = item as { record: string[]; info: { lines: number } };
      yield { fields: record, line: info.lines };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line: unknown = error["lines"];
    throw new SourceFormatError(`"${file}" is no table of values: ${error.message}`, {
      path: file,
      line: typeof line === "number" ? line : null,
    });
  }
}

function* chunksOf(bytes: Uint8Array): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, bytes.length - start);
    yield Buffer.from(bytes.buffer, bytes.byteOffset + start, length);
  }
}
