import type { DeployedState, Update } from "@everfresh/core";

import { decodeUpdate } from "../codec/update-codec.ts";
import type { Snapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";

/**
 * The append-only history of a model's deployed state, in SQLite (write-ahead log, synchronous
 * NORMAL: what was acknowledged survives the death of the process; a power failure may take the
 * newest versions, never the consistency). One writer at a time.
 */
export interface UpdateLog extends AsyncDisposable {
  /** Identity of this history: made once, with the file. */
  readonly id: string;
  /** The newest version; null while there is none. */
  head(): StateName | null;
  /**
   * Appends the next version; it is durable when this resolves.
   * @param bytes the update as `encodeUpdate` made it
   * @throws LogGapError when it does not start at the head: for an empty log that is the newest
   * anchor, or version 0 without one; or when it is not one version long
   */
  append(update: Update, bytes: Uint8Array): Promise<void>;
  /**
   * The bytes of the update that leads to `version`; null when there is none. Throws
   * LogCorruptError.
   */
  read(version: number): Promise<Uint8Array | null>;
  /** The bytes of the updates that lead to `from`, ..., `to`, as far as they are there. */
  range(from: number, to: number): AsyncIterable<Uint8Array>;
  /** Stores a full state; durable when this resolves. One at the same version is replaced. */
  putAnchor(snapshot: Snapshot): Promise<void>;
  /**
   * The newest full state at or before `version`; null when there is none. Throws
   * LogCorruptError.
   */
  nearestAnchor(version: number): Promise<Snapshot | null>;
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
 */
export async function rollTo(
  deployed: DeployedState,
  log: Pick<UpdateLog, "range">,
  version: number,
): Promise<void> {
  for await (const bytes of log.range(deployed.version + 1, version)) {
    deployed.apply(decodeUpdate(bytes, { layout: deployed.state.layout }));
  }
}
