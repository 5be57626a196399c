import type { DeployedState, Update } from "@everfresh/core";

import { decodeUpdate } from "../codec/update-codec.ts";
import type { Snapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";
import type { Generation, ModelManifest } from "./generation.ts";
import type { AppendOptions, LogEntry, Rollback } from "./log-entry.ts";

/** What can be asked of a log, by its writer and by those who only read. */
export interface LogReading {
  /** Identity of this history: made once, with the file. */
  readonly id: string;
  /**
   * The bytes of the updates that lead to `from`, ..., `to`, as far as they are there; it ends where
   * another generation begins.
   * @throws VersionNotKeptError when the first of them are not kept any more
   */
  range(from: number, to: number): AsyncIterable<Uint8Array>;
  /**
   * The newest full state at or before `version`; null when there is none.
   * @throws LogCorruptError
   */
  nearestAnchor(version: number): Promise<Snapshot | null>;
  /**
   * The undo records of the updates that lead to `from`, ..., `to`, in order; null when one of them is
   * missing.
   */
  undoRecords(from: number, to: number): Promise<readonly Uint8Array[] | null>;
  /** The oldest version that can be reconstructed; null for a log without anchors. */
  oldest(): Promise<number | null>;
  /** The generation of `version`, or the newest; null where no manifest was given. */
  generation(version?: number): Promise<Generation | null>;
  /** Versions up to and with `before` (the newest by default), newest first, at most `limit`. */
  entries(options: {
    readonly limit: number;
    readonly before?: number;
  }): Promise<readonly LogEntry[]>;
  /** All rollbacks, in order. */
  rollbacks(): Promise<readonly Rollback[]>;
}

/**
 * The append-only history of a model's deployed state, in SQLite (write-ahead log, synchronous
 * NORMAL: what was acknowledged survives the death of the process; a power failure may take the
 * newest versions, never the consistency). One writer at a time.
 */
export interface UpdateLog extends LogReading, AsyncDisposable {
  /**
   * How often the log was opened for writing, this time included. A writer whose epoch has passed,
   * because the lock did not hold on its file system, is refused at its next write.
   */
  readonly epoch: number;
  /** The newest version; null while there is none. */
  head(): StateName | null;
  /**
   * Appends the next version; it is durable when this resolves.
   * @param bytes the update as `encodeUpdate` made it
   * @throws LogGapError when it does not start at the head, or at version 0 of a log without one; or
   * when it is not one version long
   * @throws LogLockedError when another writer has taken over
   */
  append(update: Update, bytes: Uint8Array, options?: AppendOptions): Promise<void>;
  /**
   * The bytes of the update that leads to `version`; null when there is none.
   * @throws LogCorruptError
   */
  read(version: number): Promise<Uint8Array | null>;
  /** Stores a full state; durable when this resolves. One at the same version is replaced. */
  putAnchor(snapshot: Snapshot): Promise<void>;
  /** Whether the policy asks for an anchor of the newest version. */
  readonly anchorDue: boolean;
  /**
   * The generation of this model: the newest if it is of the same model, otherwise a new one that
   * begins with `first`. Where nothing was appended yet, a new one takes the place of the first.
   * @param first the state one version after the head; of any version when the log is empty
   * @throws LogGapError when a new generation would leave a gap
   */
  openGeneration(manifest: ModelManifest, first: Snapshot): Promise<Generation>;
  /** Makes sure that not even a power failure takes back what was acknowledged so far. */
  flush(): Promise<void>;
  /**
   * Deletes what retention does not keep, oldest first, in small transactions; every version that
   * is left stays reconstructible, also when the process dies on the way.
   * @param keep versions from here on are kept in any case: where a restart would begin
   * @returns versions deleted
   */
  compact(options: { readonly keep: number }): Promise<number>;
}

/**
 * Brings a state from an anchor or checkpoint up to the head of the log.
 * @throws VersionGapError or FingerprintMismatchError when the log does not lead on from it
 * @throws LogCorruptError when an update on the way is damaged
 */
export async function rollForward(deployed: DeployedState, log: UpdateLog): Promise<void> {
  const head = log.head();
  if (head !== null) await rollTo(deployed, log, head.version);
}

/**
 * Brings a state from an earlier version to `version`, or to the head of a log that ends before.
 * @throws VersionGapError, FingerprintMismatchError, LogCorruptError as {@link rollForward}
 * @throws VersionNotKeptError when updates on the way are not kept any more
 */
export async function rollTo(
  deployed: DeployedState,
  log: Pick<LogReading, "range">,
  version: number,
): Promise<void> {
  for await (const bytes of log.range(deployed.version + 1, version)) {
    deployed.apply(decodeUpdate(bytes, { layout: deployed.state.layout }));
  }
}
