import type { FeatureCache } from "../features/feature-cache.ts";
import type { History } from "../history/history.ts";
import type { LabelJoin } from "../labels/label-join.ts";
import type { BrokenRow, Quarantine } from "../quarantine/quarantine.ts";
import { parseJsonRow } from "../tables/json-row.ts";

/** Where something of a sample may be. */
export interface ErasableStores {
  readonly history?: Pick<History, "erase">;
  readonly labels?: Pick<LabelJoin, "erase">;
  /** A source that keeps samples until they are in the history: one that is pushed, or of a broker. */
  readonly inbox?: { erase(id: string): Promise<boolean> };
  readonly quarantine?: Pick<Quarantine, "erase">;
  /** The field with the id in rows of the quarantine. @default "id" */
  readonly idField?: string;
  readonly cache?: Pick<FeatureCache, "forget">;
}

/** What was erased. */
export interface Erasure {
  /** Position in the history, which stays and has an empty sample now; null where it had none. */
  readonly position: number | null;
  /** Whether predictions or labels waited, */
  readonly labels: boolean;
  /** the sample itself, */
  readonly inbox: boolean;
  /** and rows that were broken. */
  readonly quarantined: number;
}

/**
 * Erases a sample from every store that is given, for good; their files do not have it any more. After a
 * crash in between it is to be called again. What is outside stays as it is: files that sources read,
 * messages at a broker, backups, and the models that have learned from it.
 * @throws what the stores throw
 */
export async function eraseSample(id: string, stores: ErasableStores): Promise<Erasure> {
  const { history, labels, inbox, quarantine, idField = "id", cache } = stores;
  const quarantined = (await quarantine?.erase((row) => isOf(row, id, idField))) ?? 0;
  const wasInInbox = (await inbox?.erase(id)) ?? false;
  const hadLabels = (await labels?.erase(id)) ?? false;
  // Last: whoever finds it there no more knows that all the others are done.
  const position = (await history?.erase(id)) ?? null;
  if (position !== null) cache?.forget([position]);
  return { position, labels: hadLabels, inbox: wasInInbox, quarantined };
}

/** Whether a broken row is that sample's; one that cannot be read is if the id is a word of it. */
function isOf({ bytes }: BrokenRow, id: string, idField: string): boolean {
  const { row } = parseJsonRow(bytes);
  if (row !== null) return String(row[idField]) === id;
  const text = new TextDecoder().decode(bytes);
  for (let at = text.indexOf(id); at >= 0; at = text.indexOf(id, at + 1)) {
    const around = (text[at - 1] ?? " ") + (text[at + id.length] ?? " ");
    if (!/[\p{L}\p{N}_-]/u.test(around)) return true;
  }
  return false;
}
