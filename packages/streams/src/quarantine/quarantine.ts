import { crc32 } from "@everfresh/core";
import type { FaultKind, RowFault } from "../tables/row-fault.ts";

/** A row that is no sample. */
export interface BrokenRow {
  /** The source that it came from. */
  readonly source: string;
  /** Where in the source, for people: "line 12". */
  readonly place: string;
  /** The row as it came, cut to {@link KEPT_BYTES_MAX}. */
  readonly bytes: Uint8Array;
  readonly fault: RowFault;
}

/** A broken row with what its quarantine knows. */
export interface QuarantinedRow extends BrokenRow {
  /** From 1, in order of arrival; never used again. */
  readonly number: number;
  /** When it came, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** What part of a quarantine is listed. */
export interface QuarantineListing {
  /** Rows with greater numbers than this. @default 0 */
  readonly after?: number;
  /** At most so many. @default 100 */
  readonly limit?: number;
}

/**
 * Where rows wait that no training may see, with the reason. A row that a source brings again, from
 * the same place with the same bytes, is not stored twice, not even after it was resolved.
 */
export interface Quarantine extends AsyncDisposable {
  /**
   * Stores rows: all of them or none.
   * @throws QuarantineFullError when more would wait than may
   */
  put(rows: readonly BrokenRow[]): Promise<void>;
  /**
   * The rows of a source that were ever stored, those included that were resolved or erased, each as
   * {@link rowKey} says it.
   */
  known(source: string): Promise<ReadonlySet<string>>;
  /** Waiting rows, in their order. */
  list(listing?: QuarantineListing): Promise<readonly QuarantinedRow[]>;
  /** How many wait, by what is wrong with them. */
  counts(): Promise<Readonly<Partial<Record<FaultKind, number>>>>;
  /** Rows that need not wait any more: they were fixed, or are given up. Others are left alone. */
  resolve(numbers: readonly number[]): Promise<void>;
  /**
   * Erases what is kept of all rows that `isMeant` says, resolved ones too: their bytes and reasons.
   * They wait no more, and do not come again from the same place. Returns how many.
   */
  erase(isMeant: (row: BrokenRow) => boolean): Promise<number>;
}

/** What tells a source's row from its others: where it stands, and the checksum of what is kept. */
export function rowKey(place: string, bytes: Uint8Array): string {
  return `${crc32(keptBytes(bytes))} ${place}`;
}

/** Bytes of a row that are kept: enough to see and fix it, little enough for a full quarantine. */
export const KEPT_BYTES_MAX: number = 64 * 1024;

/** Rows that may wait, if an opener does not say: a source that breaks more is broken itself. */
export const WAITING_MAX_DEFAULT = 100_000;

/** Rows that a listing has, if it does not say. */
export const LISTED_DEFAULT = 100;

/** The part of a row's bytes that is kept, with memory of its own. */
export function keptBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(0, KEPT_BYTES_MAX));
}
