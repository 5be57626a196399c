/** How long the columns of an encoded row are, for those who need not read one. */

/** One column of a row. */
export type RowColumn =
  | { readonly name: string; readonly kind: "number" }
  | {
      readonly name: string;
      readonly kind: "text";
      /** Room for the text in UTF-8, 1 to 65,534 bytes. */
      readonly bytesMax: number;
    };

/** Bytes of a number. */
export const NUMBER_BYTES = 8;

/** Bytes of a text's length. */
export const LENGTH_BYTES = 2;

/** Where each column of a row starts, in bytes, and after the last one how long a row is. */
export function rowOffsets(columns: readonly RowColumn[]): readonly number[] {
  const offsets = [0];
  for (const column of columns) offsets.push((offsets.at(-1) ?? 0) + columnBytes(column));
  return offsets;
}

/** How many bytes a row of these columns has. */
export function rowBytesOf(columns: readonly RowColumn[]): number {
  return rowOffsets(columns).at(-1) ?? 0;
}

function columnBytes(column: RowColumn): number {
  return column.kind === "number" ? NUMBER_BYTES : LENGTH_BYTES + column.bytesMax;
}
