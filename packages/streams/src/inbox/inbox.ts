import type { Clock } from "@everfresh/core";
import type { Quarantine } from "../quarantine/quarantine.ts";
import type { Arrival, FollowingCounts } from "../sources/following.ts";
import type { ReadOptions, Source } from "../sources/source.ts";
import type { Row } from "../tables/check-row.ts";
import type { RowFault } from "../tables/row-fault.ts";
import type { MessageSchema } from "./message-schema.ts";

/** One row that comes in: JSON as bytes, or its fields. */
export type InboxRow = Uint8Array | Row;

/** What comes in together. */
export interface InboxItem {
  /** A sample, or the label of one that comes before or after it. */
  readonly kind: "sample" | "label";
  readonly row: InboxRow;
  /** Where it comes from, for people and for the record: "stream 12", "topic 0:7". */
  readonly origin: string;
  /** The id of a sample whose schema has none; null where it must have one. */
  readonly id: string | null;
  /** When it happened, if its schema does not say; in milliseconds since the Unix epoch. */
  readonly eventTimeMs: number;
}

/** What became of a batch. */
export interface InboxReceipt {
  /** Samples that are new, with or without a label. */
  readonly accepted: number;
  /** Samples and labels that had come before. */
  readonly duplicates: number;
  /** Rows that are in the quarantine now. */
  readonly quarantined: number;
  /** Labels whose sample came before. */
  readonly joined: number;
  /** Labels that wait for their sample. */
  readonly early: number;
  /** Labels that were of no use: another one stands. */
  readonly unused: number;
  /** The first {@link REASONS_MAX} rows that were quarantined, by their place in the batch. */
  readonly reasons: readonly { readonly index: number; readonly reason: string }[];
  /** Samples that can be read by now, from position 0 on; where labels follow, these too. */
  readonly count: number;
}

/** What has happened to an inbox so far, also before the process was started. */
export interface InboxCounts extends FollowingCounts {
  /** Samples that can be read, and labels where they follow; those before `released` could be. */
  readonly count: number;
  readonly released: number;
  /** Samples and labels that had come before. */
  readonly duplicates: number;
  readonly quarantined: number;
}

/**
 * Samples from outside, in the order in which they came. What a call has accepted is stored, and read
 * from any position that was not released: exactly once, however often it is sent, by its id. Where
 * labels follow, each has a position of its own, after its sample's.
 */
export interface Inbox extends Source, AsyncDisposable {
  /** Of this inbox and no other. */
  readonly id: string;
  /**
   * Takes rows in their order, all or none; broken ones go to the quarantine.
   * @param cursor how far their origin has been read with them, stored together with them
   * @throws InboxFullError when too many samples have not been released
   * @throws InboxBatchError for more than {@link BATCH_ROWS_MAX} rows
   * @throws InboxWriteError, and what the quarantine throws
   */
  take(items: readonly InboxItem[], cursor?: string): Promise<InboxReceipt>;
  /**
   * Takes rows that a quarantine had, and that were fixed: those that are right are stored as by
   * {@link take}, of the others nothing is. Returns what is wrong with each, null for nothing.
   * @throws as {@link take}
   */
  retake(items: readonly InboxItem[]): Promise<readonly (RowFault | null)[]>;
  /** How far the origin has been read; null at first. */
  cursor(): string | null;
  /**
   * Forgets the samples below a position, once they are safe in the history; their ids stay known.
   * @throws RangeError when there are not so many
   */
  release(to: number): Promise<void>;
  /** Resolves when something was released, or the inbox is closed; or the signal is aborted. */
  room(signal: AbortSignal): Promise<void>;
  /** Reads samples and labels, where labels follow; see `Following`. */
  arrivals(options?: ReadOptions): AsyncIterable<Arrival>;
  /** Where what is at a position came from; null when it was released. */
  origin(position: number): Promise<string | null>;
  /** The counts so far. */
  counts(): InboxCounts;
  /**
   * Erases what is stored of a sample and its label. At its position, where it had one, an empty one
   * stays, see `isErased`, or nothing where labels follow. Returns whether there was something.
   */
  erase(id: string): Promise<boolean>;
}

/** Options of every {@link Inbox}. */
export interface InboxOptions {
  /**
   * Path of the SQLite file; created if missing, its directory must exist. Other stores may use it too,
   * but no other inbox.
   */
  readonly file: string;
  /** What people call the source. */
  readonly name: string;
  /** What samples look like. */
  readonly schema: MessageSchema;
  /** Whether samples may come without a label that follows by their id. @default false */
  readonly labelsFollow?: boolean;
  /** Says when things happen, and what is in the future. */
  readonly clock: Pick<Clock, "nowMs">;
  /** Takes rows that the schema does not. */
  readonly quarantine: Quarantine;
  /** Samples, and labels that follow, that need not have been released. @default 100,000, or what 512 MiB hold */
  readonly samplesMax?: number;
  /**
   * Where labels follow, predictions that may wait for labels, and labels for samples; the oldest are
   * given up. @default 100,000
   */
  readonly pendingMax?: number;
  /** How long a prediction and a label wait for one another, in milliseconds. @default 7 days */
  readonly expireAfterMs?: number;
}

/** Rows of one batch: it is stored in one go, and nothing else happens meanwhile. */
export const BATCH_ROWS_MAX = 10_000;

/** Reasons that a receipt has: enough to see what is wrong. */
export const REASONS_MAX = 20;
