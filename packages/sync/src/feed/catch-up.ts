/**
 * What a replica gets that is behind: whatever takes the fewest bytes of
 *
 *   the updates that it misses │ one merged update │ a snapshot
 *
 * Updates come from memory, older ones from the log where the feed has one. The merged update holds
 * the float32 values of the current state at all places that changed.
 */
import { type DeployedState, EverfreshError } from "@everfresh/core";

import { mergeUpdates } from "../codec/merge-updates.ts";
import { decodeUpdate, encodeUpdate } from "../codec/update-codec.ts";
import { readUpdateHeader, SEAL_BYTES, type UpdateHeader } from "../codec/update-header.ts";
import type { SigningKey } from "../codec/signing-keys.ts";
import { signUpdate } from "../codec/update-signature.ts";
import type { StateName } from "../replica/runtime.ts";
import type { PublishedUpdate, RecentUpdates } from "./recent-updates.ts";

/** Old updates, as the update log has them. */
export interface UpdateHistory {
  /** The bytes of the updates that lead to `from`, ..., `to`, as far as they are there. */
  range(from: number, to: number): AsyncIterable<Uint8Array>;
}

/** What a feed can say at once, or soon. */
export type MaybePromise<T> = T | Promise<T>;

/** Frames, and the state that a replica has once it took them. */
export interface Answer {
  readonly frames: readonly Uint8Array[];
  readonly at: StateName;
  readonly isSnapshot: boolean;
}

/** Merged updates that are kept until the next version: replicas that left together come together. */
const MERGED_KEPT_MAX = 16;

/** Replicas whose old updates are read at a time; others get a snapshot: the disk is slower. */
const READS_MAX = 8;

/** Bytes of a snapshot message beside the state, about. */
const SNAPSHOT_HEAD_BYTES = 64;

/** Options of {@link CatchUp}. */
export interface CatchUpOptions {
  /** The feed's state; only read. */
  readonly deployed: DeployedState;
  readonly recent: RecentUpdates;
  readonly history: UpdateHistory | null;
  /** Most bytes of old updates that are read for one replica. */
  readonly historyBytesMax: number;
  readonly signingKey: SigningKey | null;
}

/** Updates that lead to the current state. */
export type MissingUpdates = readonly PublishedUpdate[];

/** Finds the cheapest way from an earlier state to the current one. */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #merged = new Map<number, MaybePromise<PublishedUpdate>>();
  #mergedAt = -1;
  #reads = 0;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** The updates to send to a replica at `have`; null when a snapshot is smaller, or needed. */
  updatesSince(have: StateName): MaybePromise<MissingUpdates | null> {
    const { deployed, recent, history } = this.#options;
    if (have.version >= deployed.version) return null;
    const missing = recent.since(have);
    if (missing !== null) return this.#cheapest(missing);
    const isOlder = recent.oldest === null || have.version < recent.oldest;
    if (history === null || !isOlder || this.#reads >= READS_MAX) return null;
    return this.#read(have);
  }

  /**
   * The updates of the log from one version to another, as they are sent and as far as they are
   * there; throws what the log does.
   */
  async *logged(from: number, to: number): AsyncGenerator<PublishedUpdate, void, undefined> {
    const { history } = this.#options;
    if (history === null) return;
    for await (const bytes of history.range(from + 1, to)) {
      const span = readUpdateHeader(bytes);
      yield { span, bytes: await this.#sealed(span, bytes) };
    }
  }

  #cheapest(missing: MissingUpdates): MaybePromise<MissingUpdates | null> {
    const { deployed, signingKey } = this.#options;
    const sealBytes = signingKey === null ? 0 : SEAL_BYTES;
    const snapshotBytes = deployed.state.layout.byteLength + SNAPSHOT_HEAD_BYTES + sealBytes;
    const smallest = (updates: MissingUpdates): MissingUpdates | null =>
      bytesOf(updates) < snapshotBytes ? updates : null;
    if (missing.length < 2) return smallest(missing);
    const choose = (merged: PublishedUpdate): MissingUpdates | null =>
      smallest(bytesOf([merged]) < bytesOf(missing) ? [merged] : missing);
    try {
      const merged = this.#mergedOf(missing);
      return merged instanceof Promise ? merged.then(choose) : choose(merged);
    } catch (error) {
      // Published bytes that do not hold what they should: the state itself is right.
      if (error instanceof EverfreshError) return null;
      throw error;
    }
  }

  #mergedOf(missing: MissingUpdates): MaybePromise<PublishedUpdate> {
    const { deployed, signingKey } = this.#options;
    if (this.#mergedAt !== deployed.version) {
      this.#merged.clear();
      this.#mergedAt = deployed.version;
    }
    const version = missing[0]?.span.fromVersion ?? 0;
    const known = this.#merged.get(version);
    if (known !== undefined) return known;
    const { layout } = deployed.state;
    const updates = missing.map(({ bytes }) => decodeUpdate(bytes, { layout }));
    const update = mergeUpdates(updates, deployed);
    const { fromVersion, toVersion, fingerprintBefore, fingerprintAfter } = update;
    const span = { fromVersion, toVersion, fingerprintBefore, fingerprintAfter };
    const bytes = encodeUpdate(update, { layout });
    const merged =
      signingKey === null
        ? { span, bytes }
        : signUpdate(bytes, signingKey).then((signed) => ({ span, bytes: signed }));
    if (this.#merged.size < MERGED_KEPT_MAX) this.#merged.set(version, merged);
    return merged;
  }

  async #read(have: StateName): Promise<MissingUpdates | null> {
    const { deployed, recent, historyBytesMax } = this.#options;
    this.#reads++;
    try {
      const missing: PublishedUpdate[] = [];
      let at: StateName = have;
      let readBytes = 0;
      const target = recent.oldest ?? deployed.version;
      for await (const update of this.logged(have.version, target)) {
        const { span, bytes } = update;
        const follows =
          span.fromVersion === at.version && span.fingerprintBefore === at.fingerprint;
        readBytes += bytes.length;
        if (!follows || readBytes > historyBytesMax) return null;
        missing.push(update);
        at = { version: span.toVersion, fingerprint: span.fingerprintAfter };
      }
      // While the log was read, more may have been published.
      const rest = at.version === deployed.version ? [] : recent.since(at);
      const end = rest?.at(-1)?.span.fingerprintAfter ?? at.fingerprint;
      if (rest === null || end !== deployed.fingerprint) return null;
      return await this.#cheapest([...missing, ...rest]);
    } catch (error) {
      // A log that cannot be read is the trainer's matter; the replica is helped without it.
      if (error instanceof EverfreshError) return null;
      throw error;
    } finally {
      this.#reads--;
    }
  }

  /** An old update as it is sent: the log is this publisher's own, whoever signed it then. */
  #sealed({ keyId }: UpdateHeader, bytes: Uint8Array): MaybePromise<Uint8Array> {
    const { signingKey } = this.#options;
    const isSealed = signingKey === null || keyId === signingKey.publicKey.id;
    return isSealed ? bytes : signUpdate(bytes, signingKey);
  }
}

function bytesOf(updates: MissingUpdates): number {
  return updates.reduce((sum, { bytes }) => sum + bytes.length + 1, 0);
}
