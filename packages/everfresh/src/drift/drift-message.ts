import type { DriftRecord } from "@everfresh/core";
import type { WebhookMessage } from "../webhook/signature.ts";
import type { RecordChange } from "./drift-history.ts";

/** What a message may be about. */
export type DriftMessageType = "drift.warning" | "drift.detected" | "drift.withdrawn";

/** Where a message comes from. */
export interface MessageOrigin {
  readonly model: string;
  /** Of the log of the run: its messages have ids that no other run's have. */
  readonly logId: string;
  /** In milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/** The body of a message. */
export interface DriftMessage {
  readonly type: DriftMessageType;
  /** ISO 8601, in UTC. */
  readonly timestamp: string;
  readonly data: { readonly model: string; readonly record: DriftRecord };
}

/** What a change of a record is to whom it is told; null where nobody need be. */
export function messageTypeOf({ record, before }: RecordChange): DriftMessageType | null {
  if (record.outcome === "withdrawn") {
    // A message that was never sent need not be taken back.
    return before === null || before.outcome === "withdrawn" ? null : "drift.withdrawn";
  }
  if (before !== null && before.verdict === record.verdict) return null;
  return record.verdict === "drift" ? "drift.detected" : "drift.warning";
}

/** A message about a record; the same change has the same id, also from a process started anew. */
export function messageAbout(
  type: DriftMessageType,
  record: DriftRecord,
  { model, logId, nowMs }: MessageOrigin,
): WebhookMessage {
  const timestamp = new Date(nowMs).toISOString();
  const body: DriftMessage = { type, timestamp, data: { model, record } };
  const [, what = ""] = type.split(".");
  return { id: `${logId}_${record.id}_${what}`, body: JSON.stringify(body) };
}
