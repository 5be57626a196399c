/** What can be wrong with a row. */
export type FaultKind =
  | "syntax"
  | "badUtf8"
  | "truncated"
  | "missingField"
  | "extraField"
  | "wrongType"
  | "notFinite"
  | "outOfRange"
  | "hugeValue"
  | "unknownClass"
  | "duplicateId"
  | "futureTime";

/** Why a row is not a sample. */
export interface RowFault {
  readonly kind: FaultKind;
  /** The column that it is about; null when it is about the row. */
  readonly column: string | null;
  /** What is wrong, with the value. */
  readonly reason: string;
}

/** Characters of a value that a reason shows. */
const SHOWN_MAX = 64;

/** A value as a reason shows it. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : textOf(value);
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`;
}

function textOf(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "a list" : "an object";
  return String(value);
}
