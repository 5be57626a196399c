/**
 * What polling replicas and caches fetch: immutable segments and anchors, built as updates are
 * published.
 *
 *   level 0   │ 1 │ 1 │ 1 │ ...  16 versions ... │      each update
 *   level 1   │             16                  │  ...  merged, where that is smaller
 *   level 2   │ ... 256 ...                           merged, where that is smaller
 */
import { EverfreshError, type Fingerprint, type Update } from "@everfresh/core";

import type { Feed } from "../../feed/feed.ts";
import type { MissingUpdates } from "../../feed/catch-up.ts";
import type { SealedState } from "../../feed/feed-state.ts";
import type { PublishedUpdate } from "../../feed/recent-updates.ts";
import type { StateName } from "../../replica/runtime.ts";
import { oldestUsed, recallPast } from "./archived-past.ts";
import { encodeHttpHead } from "./http-head.ts";
import { cheapestPath } from "./http-path.ts";
import { segmentBody, SEGMENT_SPANS, SEGMENTS_PER_LEVEL, singlesKept } from "./segment.ts";
import type { ArchivedSegment, SegmentStore } from "./segment-store.ts";

/** Anchors kept: who has begun with the one before the newest can still fetch it. */
const ANCHORS_KEPT = 2;

/** Options of {@link SegmentArchive}. */
export interface SegmentArchiveOptions {
  /** Keeps merged segments over restarts. @default a restart begins with none */
  readonly store?: SegmentStore;
  /** Hears why the store could not be read or written; all goes on without it. */
  readonly onStoreError?: (error: unknown) => void;
}

/** A merged segment in the making. */
interface Merging {
  readonly level: number;
  readonly from: number;
  readonly updates: Promise<MissingUpdates | null>;
}

/** Head, segments, anchors and manifest of a feed, as bytes to fetch. */
export class SegmentArchive implements Disposable {
  readonly #feed: Feed;
  readonly #options: SegmentArchiveOptions;
  #levels: ArchivedSegment[][] = SEGMENT_SPANS.map(() => []);
  readonly #anchors: { readonly version: number; readonly body: Uint8Array }[] = [];
  readonly #starts = new Map<number, Fingerprint>();
  readonly #unsubscribe: () => void;
  #first: number;
  #manifest: { readonly name: string; readonly body: Uint8Array } = {
    name: "",
    body: new Uint8Array(0),
  };
  #head: Uint8Array = new Uint8Array(0);
  #isDisposed = false;
  #turn: Promise<void>;

  constructor(feed: Feed, options: SegmentArchiveOptions = {}) {
    this.#feed = feed;
    this.#options = options;
    this.#first = feed.version;
    this.#starts.set(feed.version, feed.fingerprint);
    const at = { version: feed.version, fingerprint: feed.fingerprint };
    const sealed = feed.sealed();
    this.#turn = this.#begin(sealed, at);
    this.#unsubscribe = feed.subscribe((update, bytes) => this.#published(update, bytes));
  }

  /** Resolves once what was published so far can be fetched. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  /** The newest head. */
  get head(): Uint8Array {
    return this.#head;
  }

  /**
   * Name of the manifest, and with it of all that is signed as it is: another key, another name, so
   * that caches never mix what different keys have signed.
   */
  get edition(): string {
    return this.#manifest.name;
  }

  /** The manifest of that name; null for another name. */
  manifest(name: string): Uint8Array | null {
    return name === this.#manifest.name ? this.#manifest.body : null;
  }

  /** The snapshot of that version; null when it is not kept. */
  anchor(version: number): Uint8Array | null {
    return this.#anchors.find((anchor) => anchor.version === version)?.body ?? null;
  }

  /** The segment between these versions; null when it is not kept. */
  segment(from: number, to: number): Uint8Array | null {
    for (const level of this.#levels) {
      const found = level.find((segment) => segment.from === from && segment.to === to);
      if (found !== undefined) return found.body;
    }
    return null;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#unsubscribe();
  }

  async #begin(sealing: SealedState | Promise<SealedState>, at: StateName): Promise<void> {
    const { manifest, snapshot } = await sealing;
    // Its checksum: within a log that tells manifests apart.
    const name = Array.from(manifest.subarray(-4), (byte) => byte.toString(16).padStart(2, "0"));
    this.#manifest = { name: name.join(""), body: manifest };
    this.#addAnchor(at.version, snapshot);
    await this.#recall(at);
    this.#rebuild(at.version, at.fingerprint);
  }

  /** What was offered in an earlier life, as far as log and store have it. */
  async #recall(at: StateName): Promise<void> {
    const { store, onStoreError } = this.#options;
    const updates = await this.#logged(oldestUsed(at.version), at.version);
    let stored: readonly ArchivedSegment[] = [];
    try {
      stored = (await store?.load(this.edition)) ?? [];
    } catch (error) {
      onStoreError?.(error);
    }
    const { first, starts, levels } = recallPast(at, updates, stored);
    this.#first = first;
    for (const [version, fingerprint] of starts) this.#starts.set(version, fingerprint);
    this.#levels = levels.map((level) => [...level]);
  }

  /** What the log has between two versions: all of it, or the newest part. */
  async #logged(from: number, to: number): Promise<MissingUpdates> {
    for (let start = from; start < to; start = Math.ceil((start + to) / 2)) {
      const updates: PublishedUpdate[] = [];
      try {
        for await (const update of this.#feed.history(start, to)) updates.push(update);
        return updates;
      } catch (error) {
        // Not kept any more, or damaged: that is the trainer's matter.
        if (!(error instanceof EverfreshError)) throw error;
      }
    }
    return [];
  }

  /** Everything that needs the state of this moment is begun here, before it moves on. */
  #published({ fromVersion, toVersion, fingerprintAfter }: Update, bytes: Uint8Array): void {
    const merging = SEGMENT_SPANS.flatMap((span, level) =>
      level > 0 && toVersion % span === 0 ? [this.#merge(level, toVersion)] : [],
    );
    const isBoundary = toVersion % (SEGMENT_SPANS[1] ?? 1) === 0;
    if (isBoundary) this.#starts.set(toVersion, fingerprintAfter);
    const needsAnchor = isBoundary && this.#needsAnchor(toVersion, bytes.length);
    const sealing = needsAnchor ? Promise.resolve(this.#feed.sealed()).catch(() => null) : null;
    this.#turn = this.#turn.then(async () => {
      this.#addSegment({
        ...{ level: 0, from: fromVersion, to: toVersion },
        body: segmentBody([bytes]),
      });
      for (const one of merging) await this.#addMerged(one, toVersion);
      const sealed = await sealing;
      if (sealed !== null) this.#addAnchor(toVersion, sealed.snapshot);
      this.#rebuild(toVersion, fingerprintAfter);
    });
  }

  /** Begins a merged segment to the state of this moment. */
  #merge(level: number, to: number): Merging {
    const from = this.#startOf(level, to);
    const fingerprint = this.#starts.get(from);
    if (fingerprint === undefined) return { level, from, updates: Promise.resolve(null) };
    const updates = this.#feed.updatesSince({ version: from, fingerprint });
    return { level, from, updates: updates.catch(() => null) };
  }

  /** Where the segment of a level that ends at `to` begins. */
  #startOf(level: number, to: number): number {
    return Math.max(this.#first, to - (SEGMENT_SPANS[level] ?? 1));
  }

  async #addMerged({ level, from: begun, updates }: Merging, to: number): Promise<void> {
    const from = this.#startOf(level, to);
    if (from === to - 1) return;
    const merged = from === begun ? await updates : undefined;
    // An anchor is fewer bytes.
    if (merged === null) return;
    // Begun before the past was known, or ended later because the log had to be read for it.
    const missing = leads(merged, from, to) ? merged : await this.#logged(from, to);
    if (!leads(missing, from, to)) return;
    const segment = { level, from, to, body: segmentBody(missing.map(({ bytes }) => bytes)) };
    const keptFrom = this.#addSegment(segment);
    // The store may be closed by now.
    if (this.#isDisposed) return;
    const { store, onStoreError } = this.#options;
    try {
      await store?.save(this.edition, segment, keptFrom);
    } catch (error) {
      onStoreError?.(error);
    }
  }

  /** When the newest anchor is no good start any more: too far behind, or cut off soon. */
  #needsAnchor(version: number, bytes: number): boolean {
    const path = cheapestPath(this.#listed(version - 1), null);
    const anchorBytes = this.#anchors.at(-1)?.body.length ?? 0;
    if (path === null) return true;
    const rest = path.bytes + bytes - (path.anchor?.bytes ?? 0);
    const isAligned = version % (SEGMENT_SPANS[2] ?? 1) === 0;
    return rest > (isAligned ? anchorBytes / 2 : anchorBytes);
  }

  /** Adds a segment, and drops the oldest; returns where those of its level begin. */
  #addSegment(segment: ArchivedSegment): number {
    const kept = this.#levels[segment.level] ?? [];
    kept.push(segment);
    const count = segment.level === 0 ? singlesKept(kept) : SEGMENTS_PER_LEVEL;
    kept.splice(0, kept.length - count);
    return kept[0]?.from ?? segment.from;
  }

  #addAnchor(version: number, body: Uint8Array): void {
    this.#anchors.push({ version, body });
    if (this.#anchors.length > ANCHORS_KEPT) this.#anchors.shift();
  }

  #listed(version: number): Parameters<typeof cheapestPath>[0] {
    const segments = this.#levels
      .flat()
      .map(({ from, to, body }) => ({ from, to, bytes: body.length }))
      .sort((a, b) => a.from - b.from || b.to - a.to);
    const anchors = this.#anchors.map((anchor) => ({
      version: anchor.version,
      bytes: anchor.body.length,
    }));
    return { version, anchors, segments };
  }

  #rebuild(version: number, fingerprint: Fingerprint): void {
    const oldest = version - SEGMENTS_PER_LEVEL * (SEGMENT_SPANS[1] ?? 1);
    for (const start of this.#starts.keys()) if (start < oldest) this.#starts.delete(start);
    const { name: manifest } = this.#manifest;
    const { logId } = this.#feed;
    this.#head = encodeHttpHead({ logId, manifest, fingerprint, ...this.#listed(version) });
  }
}

function leads(
  updates: MissingUpdates | undefined,
  from: number,
  to: number,
): updates is MissingUpdates {
  return updates?.[0]?.span.fromVersion === from && updates.at(-1)?.span.toVersion === to;
}
