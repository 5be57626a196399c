/**
 * Plain data as bytes: what JSON can say, and byte arrays and all numbers beside it.
 *
 *   JSON length, u32 │ JSON │ the byte arrays one after another
 *
 * In the JSON a byte array is { "$bytes": [offset, length] }, and a number that JSON has no word for
 * { "$number": "NaN", "Infinity", "-Infinity" or "-0" }. Numbers are little-endian.
 */
import { assert } from "@everfresh/core";

const HEADER_BYTES = 4;
const BYTES = "$bytes";
const NUMBER = "$number";

/**
 * Plain data as bytes, exactly: numbers, texts, booleans, null, byte arrays, arrays and objects of
 * these. Fields that are undefined are left out.
 */
export function encodePlainData(data: unknown): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const json = JSON.stringify(data, (_key, value: unknown) => {
    if (value instanceof Uint8Array) {
      const place = [length, value.byteLength];
      parts.push(value);
      length += value.byteLength;
      return { [BYTES]: place };
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
    if (!(BYTES in value) || !Array.isArray(value[BYTES])) return value;
    const [offset, length] = value[BYTES] as readonly number[];
    const from = partsAt + (offset ?? 0);
    return bytes.slice(from, from + (length ?? 0));
  });
}
