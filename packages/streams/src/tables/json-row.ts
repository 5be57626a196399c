import { type CheckedRow, checkRow, type ParsedRow, type Row, type RowRules } from "./check-row.ts";
import { type FaultKind, shown } from "./row-fault.ts";
import type { TableSchema } from "./table-schema.ts";

/** Longest row, in bytes: beyond it an end of line was lost. */
const ROW_BYTES_MAX = 1 << 20;

/** A text in quotes, or a number that JSON has no word for but many writers use. */
const NOT_JSON = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** The sample that one JSON object is, or its first fault. */
export function checkJsonRow(schema: TableSchema, bytes: Uint8Array, rules: RowRules): CheckedRow {
  const { row, fault } = parseJsonRow(bytes);
  return row === null ? { sample: null, fault } : checkRow(schema, row, rules);
}

/** The fields of one JSON object, or why there are none. */
export function parseJsonRow(bytes: Uint8Array): ParsedRow {
  if (bytes.length > ROW_BYTES_MAX) {
    return broken("hugeValue", `a row of ${bytes.length} bytes, of at most ${ROW_BYTES_MAX}`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return broken("badUtf8", "its bytes are not UTF-8");
  }
  const value = parsed(text) ?? parsed(quotedNumbers(text));
  if (value === undefined) return broken("syntax", `${shown(text)} is not JSON`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return broken("syntax", `${shown(text)} is not an object of fields`);
  }
  return { row: value as Row, fault: null };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** With NaN and Infinity as text, which a check of numbers then names. */
function quotedNumbers(text: string): string {
  return text.replaceAll(NOT_JSON, (found) => (found.startsWith('"') ? found : `"${found}"`));
}

function broken(kind: FaultKind, reason: string): ParsedRow & { readonly row: null } {
  return { row: null, fault: { kind, column: null, reason } };
}
