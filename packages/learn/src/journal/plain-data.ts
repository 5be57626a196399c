/**
 * Plain data as bytes: what JSON can say, and byte arrays and all numbers beside it.
 *
 *   JSON length, u32 │ JSON │ the byte arrays one after another
 *
 * In the JSON a byte array is { "$bytes": [offset, length] }, and a number that JSON has no word for
 * { "$number": "NaN", "Infinity", "-Infinity" or "-0" }. A long array of numbers is a byte array, too,
 * { "$u8", "$i32" or "$f64": [offset, length in bytes] }, by what its numbers need: that is shorter, and
 * much faster, than their digits. Numbers are little-endian.
 */
import { assert } from "@everfresh/core";

const HEADER_BYTES = 4;
const BYTES = "$bytes";
const NUMBER = "$number";

/** Arrays of so many numbers or more are long. */
const LONG = 32;
/** How long arrays are written, the shortest first. */
const WIDTHS = [
  { key: "$u8", array: Uint8Array },
  { key: "$i32", array: Int32Array },
  { key: "$f64", array: Float64Array },
] as const;

/**
 * Plain data as bytes, exactly: numbers, texts, booleans, null, byte arrays, arrays and objects of
 * these. Fields that are undefined are left out.
 */
export function encodePlainData(data: unknown): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const placed = (key: string, bytes: Uint8Array): Record<string, readonly number[]> => {
    const place = [length, bytes.byteLength];
    parts.push(bytes);
    length += bytes.byteLength;
    return { [key]: place };
  };
  const json = JSON.stringify(data, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return placed(BYTES, value);
    if (isLongNumbers(value)) {
      const { key, array } = widthOf(value);
      return placed(key, new Uint8Array(array.from(value).buffer));
    }
    if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
      return { [NUMBER]: Object.is(value, -0) ? "-0" : String(value) };
    }
    return value;
  });
  assert(typeof json === "string", "plain data can be written as JSON");
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array(HEADER_BYTES + text.length + length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, HEADER_BYTES);
  let at = HEADER_BYTES + text.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

/**
 * What {@link encodePlainData} was given; byte arrays have memory of their own.
 * @throws SyntaxError, RangeError for other bytes
 */
export function decodePlainData(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const partsAt = HEADER_BYTES + view.getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(HEADER_BYTES, partsAt));
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if (NUMBER in value) return Number(value[NUMBER]);
    const key = [BYTES, ...WIDTHS.map((width) => width.key)].find((each) => each in value);
    const place = key === undefined ? undefined : (value as Record<string, unknown>)[key];
    if (!Array.isArray(place)) return value;
    const [offset, length] = place as readonly number[];
    const from = partsAt + (offset ?? 0);
    const part = bytes.slice(from, from + (length ?? 0));
    const width = WIDTHS.find((each) => each.key === key);
    return width === undefined ? part : Array.from(new width.array(part.buffer));
  });
}

function isLongNumbers(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) &&
    value.length >= LONG &&
    value.every((number) => typeof number === "number")
  );
}

/** The shortest that has room for every number. */
function widthOf(numbers: readonly number[]): (typeof WIDTHS)[number] {
  const [bytes, words, doubles] = WIDTHS;
  let width: (typeof WIDTHS)[number] = bytes;
  for (const number of numbers) {
    if (!Object.is(number, number | 0)) return doubles;
    if (number < 0 || number > 255) width = words;
  }
  return width;
}
