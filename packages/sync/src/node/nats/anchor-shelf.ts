import type { Clock } from "@everfresh/core";

import type { Feed } from "../../feed/feed.ts";
import type { SealedState } from "../../feed/feed-state.ts";
import type { PublishedUpdate } from "../../feed/recent-updates.ts";
import type { StateName } from "../../replica/runtime.ts";
import type { Anchor, HttpHead } from "../../transport/http/http-head.ts";
import { natsObjects } from "../../nats/nats-names.ts";
import type { ModelBucket } from "./model-bucket.ts";
import type { NatsFeedLimits } from "./nats-feed-limits.ts";
import type { StreamWriter } from "./stream-writer.ts";

/** Anchors kept: who has begun with the one before the newest can still fetch it. */
const ANCHORS_KEPT = 2;

/** Updates that lead on from an anchor before another one is due, however small they are. */
const UPDATES_PER_ANCHOR_MAX = 4_096;

/** An anchor smaller than this is as good as one of this size. */
const ANCHOR_BYTES_MIN = 64 * 1024;

/** How many times over the stream must be able to keep what leads on from an anchor. */
const STREAM_SHARE = 4;

/** What an {@link AnchorShelf} is made of. */
export interface AnchorShelfParts {
  readonly bucket: ModelBucket;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly limits: Required<NatsFeedLimits>;
  /** Called when there is something to do. */
  readonly wake: () => void;
  /** Called when an anchor cannot be stored. */
  readonly failed: (error: unknown) => void;
}

interface Making {
  readonly at: StateName;
  /** Bytes of the stream's updates before it; null while those do not lead to it. */
  offset: number | null;
  /** Bytes of the snapshot; null while it is not stored. */
  bytes: number | null;
}

/**
 * Manifest and anchors of a model in its bucket. An anchor is made beside the updates, and named in
 * the head once they lead to it.
 */
export class AnchorShelf {
  readonly #parts: AnchorShelfParts;
  #manifest = "";
  #anchors: readonly Anchor[] = [];
  #making: Making | null = null;
  #isAsked = false;
  #updatesSince = 0;
  #offset = -Infinity;
  #madeAtMs = -Infinity;
  #isCleaning = false;

  constructor(parts: AnchorShelfParts) {
    this.#parts = parts;
  }

  /** What the head says of it. */
  get head(): Pick<HttpHead, "manifest" | "anchors"> {
    return { manifest: this.#manifest, anchors: this.#anchors };
  }

  /**
   * Takes over what a head names.
   * @param offset bytes of the updates before its newest anchor; null when that is not known
   */
  restore({ manifest, anchors }: HttpHead, offset: number | null): void {
    this.#manifest = manifest;
    this.#anchors = anchors;
    this.#offset = offset ?? -Infinity;
  }

  /** Stores the manifest, and the state `at` as the only anchor: the updates begin there. */
  async begin(sealing: SealedState | Promise<SealedState>, at: StateName): Promise<void> {
    const { bucket, feed, clock } = this.#parts;
    const { manifest, snapshot } = await sealing;
    // Its checksum: within a log that tells manifests apart.
    const name = Array.from(manifest.subarray(-4), (byte) => byte.toString(16).padStart(2, "0"));
    this.#manifest = name.join("");
    await bucket.put(natsObjects.manifest(feed.logId, this.#manifest), manifest);
    await bucket.put(natsObjects.anchor(feed.logId, at.version), snapshot);
    this.#anchors = [{ version: at.version, bytes: snapshot.length }];
    this.#offset = 0;
    this.#madeAtMs = clock.monotonicMs();
  }

  /** A replica does not get on by what is there: the next anchor is due. */
  ask(): void {
    this.#isAsked = this.#making === null;
  }

  /** An update is in the stream, `offset` bytes with it. */
  passed({ span }: PublishedUpdate, offset: number): void {
    this.#updatesSince++;
    if (this.#making?.at.version === span.toVersion) this.#making.offset = offset;
  }

  /** Names an anchor that is there, or begins to make one that is due; when to come back. */
  async tend(writer: StreamWriter): Promise<number | null> {
    const making = this.#making;
    if (making !== null) {
      // The updates led past it in one merged step: it would lead on to nothing.
      if (making.offset === null && writer.at.version > making.at.version) this.#making = null;
      else if (making.offset !== null && making.bytes !== null) await this.#name(making, writer);
      return null;
    }
    if (this.#isCleaning || !this.#isDue(writer)) return null;
    const { clock, limits } = this.#parts;
    const waitMs = this.#madeAtMs + limits.anchorIntervalMs - clock.monotonicMs();
    if (waitMs > 0) return waitMs;
    this.#make(writer);
    return null;
  }

  /** Removes what no head names any more. */
  async clean(): Promise<void> {
    const { logId } = this.#parts.feed;
    const oldest = this.#anchors[0]?.version ?? 0;
    const kept = new Set([
      natsObjects.manifest(logId, this.#manifest),
      ...this.#anchors.map(({ version }) => natsObjects.anchor(logId, version)),
    ]);
    const updates = natsObjects.update(logId, 0).slice(0, -1);
    await this.#parts.bucket.removeBut(
      (name) =>
        kept.has(name) ||
        (name.startsWith(updates) && Number(name.slice(updates.length)) >= oldest),
    );
  }

  #isDue({ offset }: StreamWriter): boolean {
    const { messagesMax, bytesMax } = this.#parts.limits;
    const largest = Math.max(ANCHOR_BYTES_MIN, this.#anchors.at(-1)?.bytes ?? 0);
    return (
      this.#isAsked ||
      offset - this.#offset >= Math.min(largest, bytesMax / STREAM_SHARE) ||
      this.#updatesSince >= Math.min(UPDATES_PER_ANCHOR_MAX, messagesMax / STREAM_SHARE)
    );
  }

  #make(writer: StreamWriter): void {
    const { feed, clock } = this.#parts;
    const at = { version: feed.version, fingerprint: feed.fingerprint };
    const isThere = writer.at.version === at.version;
    const making: Making = { at, offset: isThere ? writer.offset : null, bytes: null };
    this.#making = making;
    const withManifest = this.#isAsked;
    this.#isAsked = false;
    this.#madeAtMs = clock.monotonicMs();
    this.#store(making, feed.sealed(), withManifest).catch((error: unknown) =>
      this.#parts.failed(error),
    );
  }

  async #store(
    making: Making,
    sealing: SealedState | Promise<SealedState>,
    withManifest: boolean,
  ): Promise<void> {
    const { bucket, feed, wake } = this.#parts;
    const { manifest, snapshot } = await sealing;
    // Whoever asks may have missed either.
    if (withManifest) {
      await bucket.put(natsObjects.manifest(feed.logId, this.#manifest), manifest);
    }
    await bucket.put(natsObjects.anchor(feed.logId, making.at.version), snapshot);
    making.bytes = snapshot.length;
    wake();
  }

  async #name({ at, offset, bytes }: Making, writer: StreamWriter): Promise<void> {
    const anchor = { version: at.version, bytes: bytes ?? 0 };
    const others = this.#anchors.filter(({ version }) => version < at.version);
    this.#anchors = [...others, anchor].slice(-ANCHORS_KEPT);
    this.#offset = offset ?? 0;
    this.#updatesSince = 0;
    this.#making = null;
    this.#isCleaning = true;
    await writer.publishHead(this.head);
    const { failed, wake } = this.#parts;
    this.clean()
      .catch(failed)
      .finally(() => {
        this.#isCleaning = false;
        wake();
      });
  }
}
