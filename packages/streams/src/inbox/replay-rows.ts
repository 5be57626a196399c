import type { QuarantinedRow } from "../quarantine/quarantine.ts";
import { parseJsonRow } from "../tables/json-row.ts";
import type { RowFault } from "../tables/row-fault.ts";
import { BATCH_ROWS_MAX, type Inbox, type InboxItem } from "./inbox.ts";
import { messageFields, type MessageSchema } from "./message-schema.ts";

/**
 * Takes rows of an inbox's quarantine again, as they should have been: what is still wrong with each,
 * null for nothing. A row with nothing but an id and a label is a label.
 * @throws what the inbox throws; those before are taken
 */
export async function replayRows(
  inbox: Pick<Inbox, "retake">,
  schema: MessageSchema,
  rows: readonly QuarantinedRow[],
): Promise<readonly (RowFault | null)[]> {
  const faults: (RowFault | null)[] = [];
  for (let at = 0; at < rows.length; at += BATCH_ROWS_MAX) {
    const items = rows.slice(at, at + BATCH_ROWS_MAX).map((row) => itemOf(row, schema));
    faults.push(...(await inbox.retake(items)));
  }
  return faults;
}

function itemOf(
  { source, number, place, bytes, atMs }: QuarantinedRow,
  schema: MessageSchema,
): InboxItem {
  const { id, label } = messageFields(schema);
  const names = Object.keys(parseJsonRow(bytes).row ?? {});
  const isLabel = names.length === 2 && names.includes(id ?? "id") && names.includes(label);
  return {
    ...{ kind: isLabel ? "label" : "sample", row: bytes, origin: place, eventTimeMs: atMs },
    id: `${source}-quarantine-${number}`,
  };
}
