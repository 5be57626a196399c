/**
 * One row of a table as bytes of a fixed length, so that histories, buffers and wires that know only
 * raw features of one size take rows as they take images:
 *
 *   number   8 bytes   float64, little-endian; the quiet NaN 7ff8 0000 0000 0000 where it is missing
 *   text     2 + bytesMax   length (65,535: missing) │ UTF-8 │ zeros
 */
import { ShapeError } from "../errors.ts";
import { LENGTH_BYTES, NUMBER_BYTES, type RowColumn, rowOffsets } from "./row-layout.ts";

/** What a row has in a column; null where it is missing. */
export type RowValue = number | string | null;

/** Longest text of a column: a length has 16 bits, and one is taken. */
export const TEXT_BYTES_MAX = 65_534;

const MISSING_TEXT = 65_535;

/**
 * The bytes of a row. A number that is not finite is stored as missing.
 * @param values one for each column
 * @throws ShapeError for a value of another kind than its column, or a text that is too long
 */
export function encodeRow(
  columns: readonly RowColumn[],
  values: readonly RowValue[],
): Uint8Array<ArrayBuffer> {
  if (values.length !== columns.length) {
    throw new ShapeError(`Row has ${values.length} values for ${columns.length} columns`);
  }
  const offsets = rowOffsets(columns);
  const bytes = new Uint8Array(offsets.at(-1) ?? 0);
  const view = new DataView(bytes.buffer);
  for (const [i, column] of columns.entries()) {
    const [at, value] = [offsets[i] ?? 0, values[i] ?? null];
    if (column.kind === "text") putText(bytes, at, column, value);
    else if (typeof value === "string") throw wrongKind(column.name, value, "a number");
    else if (value === null || !Number.isFinite(value)) view.setUint32(at + 4, 0x7ff80000, true);
    else view.setFloat64(at, value, true);
  }
  return bytes;
}

/**
 * What {@link encodeRow} was given.
 * @throws ShapeError for bytes that no row of these columns has
 */
export function decodeRow(columns: readonly RowColumn[], bytes: Uint8Array): readonly RowValue[] {
  const offsets = rowOffsets(columns);
  if (bytes.length !== offsets.at(-1)) {
    throw new ShapeError(`Row has ${bytes.length} bytes, its columns ${offsets.at(-1) ?? 0}`);
  }
  return columns.map((column, i) => {
    const at = offsets[i] ?? 0;
    if (column.kind === "text") return textAt(column, bytes, at);
    const value = numberAt(bytes, at);
    return Number.isNaN(value) ? null : value;
  });
}

/** The number of a row's column that starts at `at`; NaN where it is missing. */
export function numberAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, NUMBER_BYTES).getFloat64(0, true);
}

/**
 * The text of a row's column that starts at `at`; null where it is missing.
 * @throws ShapeError for a length that the column has no room for, or bytes that are not UTF-8
 */
export function textAt(
  { name, bytesMax }: Extract<RowColumn, { kind: "text" }>,
  bytes: Uint8Array,
  at: number,
): string | null {
  const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  if (length === MISSING_TEXT) return null;
  if (length > bytesMax) {
    throw new ShapeError(`Row has a text of ${length} bytes in column "${name}" of ${bytesMax}`);
  }
  const start = at + LENGTH_BYTES;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes.subarray(start, start + length));
  } catch {
    throw new ShapeError(`Row has bytes in column "${name}" that are not UTF-8`);
  }
}

function putText(
  bytes: Uint8Array,
  at: number,
  { name, bytesMax }: Extract<RowColumn, { kind: "text" }>,
  value: RowValue,
): void {
  if (typeof value === "number") throw wrongKind(name, value, "a text");
  const text = value === null ? null : new TextEncoder().encode(value);
  const length = text?.length ?? MISSING_TEXT;
  if (text !== null && length > bytesMax) {
    throw new ShapeError(`Text of ${length} bytes in column "${name}", which has ${bytesMax}`);
  }
  bytes[at] = length & 255;
  bytes[at + 1] = length >> 8;
  if (text !== null) bytes.set(text, at + LENGTH_BYTES);
}

function wrongKind(name: string, value: RowValue, needed: string): ShapeError {
  return new ShapeError(`Column "${name}" takes ${needed}, got ${JSON.stringify(value)}`);
}
