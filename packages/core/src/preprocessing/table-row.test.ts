import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors.ts";
import { rowBytesOf, type RowColumn } from "./row-layout.ts";
import { decodeRow, encodeRow, type RowValue } from "./table-row.ts";

const COLUMNS: readonly RowColumn[] = [
  { name: "n", kind: "number" },
  { name: "short", kind: "text", bytesMax: 8 },
  { name: "long", kind: "text", bytesMax: 300 },
  { name: "m", kind: "number" },
];

const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null));
const text = (most: number): fc.Arbitrary<string | null> =>
  fc.oneof(
    fc
      .string({ unit: "grapheme", maxLength: most })
      .filter((value) => new TextEncoder().encode(value).length <= most),
    fc.constant(null),
  );

describe("rows", () => {
  it("come back exactly, whatever they hold, all of one length", () => {
    const row = fc.tuple(number, text(8), text(300), number);
    fc.assert(
      fc.property(row, (values) => {
        const bytes = encodeRow(COLUMNS, values);
        expect(bytes).toHaveLength(rowBytesOf(COLUMNS));
        expect(decodeRow(COLUMNS, bytes)).toEqual(values);
      }),
    );
  });

  it("take what is not finite as missing, in one pattern of bits", () => {
    const [column] = COLUMNS;
    for (const value of [NaN, Infinity, -Infinity, null]) {
      const bytes = encodeRow([column!], [value]);
      expect([...bytes]).toEqual([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]);
      expect(decodeRow([column!], bytes)).toEqual([null]);
    }
  });

  it("tell an empty text from a missing one", () => {
    const column: RowColumn = { name: "t", kind: "text", bytesMax: 1 };
    expect(decodeRow([column], encodeRow([column], [""]))).toEqual([""]);
    expect(decodeRow([column], encodeRow([column], [null]))).toEqual([null]);
  });

  it("refuse values of another kind, or without room", () => {
    const wrong: readonly (readonly RowValue[])[] = [
      [1, "a", "b"],
      ["1", "a", "b", 2],
      [1, 2, "b", 2],
      [1, "ninebytes", "b", 2],
    ];
    for (const values of wrong) expect(() => encodeRow(COLUMNS, values)).toThrow(ShapeError);
  });

  it("refuse bytes that no row has", () => {
    const bytes = encodeRow(COLUMNS, [1, "a", "b", 2]);
    expect(() => decodeRow(COLUMNS, bytes.subarray(1))).toThrow(ShapeError);
    const long = bytes.slice();
    long[8] = 9;
    expect(() => decodeRow(COLUMNS, long)).toThrow("9 bytes");
    const odd = bytes.slice();
    odd[10] = 0xff;
    expect(() => decodeRow(COLUMNS, odd)).toThrow("UTF-8");
  });
});
