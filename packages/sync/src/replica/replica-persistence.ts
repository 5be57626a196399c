import { encodeSnapshot } from "../codec/snapshot-codec.ts";
import { type ReplicaStore, restoreState, type RestoredState } from "./replica-store.ts";

/** A store grows by updates up to the size of its snapshot, or to this, before both become one. */
const COMPACT_BYTES_MIN: number = 256 * 1024;

/** Updates that wait for a slow store, beside one snapshot; beyond, the next snapshot is awaited. */
const WAITING_BYTES_MAX: number = 4 * 1024 * 1024;

/** Bytes that a replica has and its store does not have yet. */
interface Waiting {
  base: { readonly manifest: Uint8Array; readonly snapshot: Uint8Array } | null;
  updates: Uint8Array[];
  bytes: number;
  version: number;
}

/**
 * Keeps a store up with its replica, which never waits for it. What cannot be written is reported,
 * and written again with the next snapshot.
 */
export class ReplicaPersistence {
  readonly #store: ReplicaStore;
  readonly #onError: (error: unknown) => void;
  #waiting: Waiting = nothing();
  #writing: Promise<void> | null = null;
  /** Something is missing in the store: nothing can be added before the next snapshot. */
  #behind = true;
  #version: number | null = null;
  #snapshotBytes = 0;
  #updateBytes = 0;

  constructor(store: ReplicaStore, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /** The version that the store has for sure; null while that is none, or not yet the new one. */
  get version(): number | null {
    return this.#version;
  }

  /** The state that was stored; null when there is none that can be used. */
  async restore(): Promise<RestoredState | null> {
    try {
      const stored = await this.#store.load();
      if (stored === null) return null;
      const restored = restoreState(stored);
      this.#version = restored.snapshot.version;
      // Begins anew, so that what was cut off or left over at the end never comes back.
      await this.#save(stored.manifest, encodeSnapshot(restored.snapshot));
      this.#behind = false;
      return restored;
    } catch (error) {
      this.#onError(error);
      return null;
    }
  }

  /** The replica has taken a snapshot. */
  replaced(manifest: Uint8Array, snapshot: Uint8Array, version: number): void {
    this.#behind = false;
    // What the store still has may be of another log.
    this.#version = null;
    this.#waiting = { ...nothing(), base: { manifest, snapshot }, version };
    this.#write();
  }

  /** The replica has applied an update. */
  applied(update: Uint8Array, version: number): void {
    if (this.#behind) return;
    const waiting = this.#waiting;
    waiting.updates.push(update);
    waiting.bytes += update.length;
    waiting.version = version;
    if (waiting.bytes > WAITING_BYTES_MAX) {
      this.#behind = true;
      this.#waiting = nothing();
    }
    this.#write();
  }

  /** Resolves once nothing waits. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = null));
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.base !== null || this.#waiting.updates.length > 0) {
      const { base, updates, bytes, version } = this.#waiting;
      this.#waiting = nothing();
      try {
        if (base !== null) await this.#save(base.manifest, base.snapshot);
        if (updates.length > 0) await this.#store.append(updates);
        this.#updateBytes += bytes;
        this.#version = version;
        if (this.#updateBytes > Math.max(this.#snapshotBytes, COMPACT_BYTES_MIN)) {
          await this.#compact();
        }
      } catch (error) {
        this.#behind = this.#waiting.base === null;
        if (this.#behind) this.#waiting = nothing();
        this.#onError(error);
      }
    }
  }

  async #save(manifest: Uint8Array, snapshot: Uint8Array): Promise<void> {
    await this.#store.save({ manifest, snapshot });
    this.#snapshotBytes = snapshot.length;
    this.#updateBytes = 0;
  }

  async #compact(): Promise<void> {
    const stored = await this.#store.load();
    if (stored === null) return;
    await this.#save(stored.manifest, encodeSnapshot(restoreState(stored).snapshot));
  }
}

function nothing(): Waiting {
  return { base: null, updates: [], bytes: 0, version: -1 };
}
