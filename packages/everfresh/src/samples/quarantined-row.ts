import type { FaultKind, QuarantinedRow } from "@everfresh/streams";

/** A broken row as people see it: one line of `everfresh quarantine export`. */
export interface ListedRow {
  /** From 1, in order of arrival. */
  readonly number: number;
  readonly source: string;
  /** Where in the source: "line 12". */
  readonly place: string;
  /** When it came, ISO 8601. */
  readonly at: string;
  readonly kind: FaultKind;
  readonly column: string | null;
  readonly reason: string;
  /** Its fields, where it is a JSON object; */
  readonly row?: Readonly<Record<string, unknown>>;
  /** as it came, where it is other text; */
  readonly text?: string;
  /** or its bytes, where they are no text. */
  readonly base64?: string;
}

/** A row as it should have been: its number, and one of `row`, `text` and `base64`. */
export type FixedRow = Pick<ListedRow, "number" | "row" | "text" | "base64">;

/** A broken row as people see it. */
export function listed({ bytes, fault, atMs, ...row }: QuarantinedRow): ListedRow {
  const { number, source, place } = row;
  const at = new Date(atMs).toISOString();
  return { number, source, place, at, ...fault, ...contentOf(bytes) };
}

/** The bytes of a row as it should have been; null where only its number is given. */
export function bytesOf({ row, text, base64 }: FixedRow): Uint8Array | null {
  if (row !== undefined) return new TextEncoder().encode(JSON.stringify(row));
  if (text !== undefined) return new TextEncoder().encode(text);
  return base64 === undefined ? null : new Uint8Array(Buffer.from(base64, "base64"));
}

function contentOf(bytes: Uint8Array): Pick<ListedRow, "row" | "text" | "base64"> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes).toString("base64") };
  }
  try {
    const row = JSON.parse(text) as unknown;
    const isObject = typeof row === "object" && row !== null && !Array.isArray(row);
    return isObject ? { row: row as Readonly<Record<string, unknown>> } : { text };
  } catch {
    return { text };
  }
}
