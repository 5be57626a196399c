import { DeployedState, EverfreshError, stateBytes } from "@everfresh/core";

import { decodeManifest } from "../codec/manifest-codec.ts";
import { decodeSnapshot } from "../codec/snapshot-codec.ts";
import { decodeUpdate } from "../codec/update-codec.ts";
import { type Manifest, type Snapshot, stateOfSnapshot } from "../manifest.ts";

/** What a replica keeps: a state, and the updates that came after it. */
export interface StoredReplica {
  /** The manifest, encoded. */
  readonly manifest: Uint8Array;
  /** A snapshot of its model, encoded. */
  readonly snapshot: Uint8Array;
  /** Updates in the order in which they were appended, encoded. */
  readonly updates: readonly Uint8Array[];
}

/**
 * Where a replica keeps its state from one life to the next. It is trusted as the program's own
 * files are: signatures are checked before something is stored, not when it is loaded.
 */
export interface ReplicaStore {
  /**
   * What was saved, with as many of the updates as can be read; null when there is nothing.
   * @throws ReplicaStoreError when it cannot be read
   */
  load(): Promise<StoredReplica | null>;
  /**
   * Replaces everything by this state: after a crash either the old content is there or the new.
   * @throws ReplicaStoreError when it cannot be written
   */
  save(state: Omit<StoredReplica, "updates">): Promise<void>;
  /**
   * Adds updates; after a crash any number of the last ones may be missing.
   * @throws ReplicaStoreError when it cannot be written
   */
  append(updates: readonly Uint8Array[]): Promise<void>;
}

/** A state that a replica can go on from. */
export interface RestoredState {
  readonly manifest: Manifest;
  readonly snapshot: Snapshot;
}

/**
 * The newest state that stored bytes lead to, checked against its fingerprint. Updates that lead
 * nowhere from there end it: they are left from before the snapshot, or damaged.
 * @throws CorruptManifestError, CorruptSnapshotError, FingerprintMismatchError or another
 * EverfreshError when manifest or snapshot cannot be used
 */
export function restoreState(stored: StoredReplica): RestoredState {
  const manifest = decodeManifest(stored.manifest);
  const { layout } = manifest;
  const saved = decodeSnapshot(stored.snapshot);
  const state = stateOfSnapshot(layout, saved);
  const deployed = new DeployedState(state, saved.version, saved.fingerprint);
  try {
    for (const bytes of stored.updates) {
      const update = decodeUpdate(bytes, { layout });
      if (update.toVersion > deployed.version) deployed.apply(update);
    }
  } catch (error) {
    if (!(error instanceof EverfreshError)) throw error;
  }
  const { version, fingerprint } = deployed;
  const eventTimeMs = deployed.eventTimeMs ?? saved.eventTimeMs;
  const time = eventTimeMs === undefined ? {} : { eventTimeMs };
  const snapshot = { version, fingerprint, ...time, bytes: stateBytes(state) };
  return { manifest, snapshot };
}
