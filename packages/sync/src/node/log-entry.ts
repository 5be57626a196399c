import type { Fingerprint, Update } from "@everfresh/core";

/** How a version came to be, as far as whoever appended it said. */
export interface Lineage {
  /** Training steps made. */
  readonly step: number;
  /** The positions of the history below this were learned from. */
  readonly samples: number;
  /**
   * Random words that the sampler had drawn after the step. With the seed and the entry before, this
   * names the batch: the new positions, and those that a sampler draws from there.
   */
  readonly drawn: number;
}

/** A rollback, which made a version of its own. */
export interface Rollback {
  /** The version that it made. */
  readonly version: number;
  /** The version whose state it brought back. */
  readonly toVersion: number;
  /** Positions of the history, `to` not included, that are not sampled any more; null for none. */
  readonly excluded: { readonly from: number; readonly to: number } | null;
  /** Whether the optimizer started anew. */
  readonly optimizerReset: boolean;
  /** Unix milliseconds. */
  readonly timeMs: number;
}

/** One version as a log lists it. */
export interface LogEntry {
  readonly version: number;
  readonly fingerprint: Fingerprint;
  /** When it was committed, Unix milliseconds. */
  readonly timeMs: number;
  /** Parameters that its update changed; null where a generation begins, which no update leads to. */
  readonly entries: number | null;
  /** Of the encoded update. */
  readonly bytes: number | null;
  readonly valueType: Update["valueType"] | null;
  /** Event time of the newest sample that it has learned from, Unix milliseconds; null if unknown. */
  readonly eventTimeMs: number | null;
  readonly lineage: Lineage | null;
  /** Bytes of the full state that is stored at this version; null for none. */
  readonly anchorBytes: number | null;
  /** Number of its generation; 0 where no manifest was ever given. */
  readonly generation: number;
  readonly rollback: Rollback | null;
}

/** What `append` stores beside an update. */
export interface AppendOptions {
  readonly lineage?: Lineage;
  /** Of `undoRecordOf`; kept for the newest versions. */
  readonly undo?: Uint8Array;
  /** Set when this version is a rollback. */
  readonly rollback?: Pick<Rollback, "toVersion" | "excluded" | "optimizerReset">;
}
