/**
 * What polling replicas and caches fetch: immutable segments and anchors, built as updates are
 * published.
 *
 *   level 0   │ 1 │ 1 │ 1 │ ...  16 versions ... │      each update
 *   level 1   │             16                  │  ...  merged, where that is smaller
 *   level 2   │ ... 256 ...                           merged, where that is smaller
 */
import type { Fingerprint, Update } from "@everfresh/core";

import { ByteReader } from "../../codec/byte-reader.ts";
import { ByteWriter } from "../../codec/byte-writer.ts";
import { ProtocolError } from "../../errors.ts";
import type { Feed } from "../../feed/feed.ts";
import type { SealedState } from "../../feed/feed-state.ts";
import type { PublishedUpdate } from "../../feed/recent-updates.ts";
import { encodeHttpHead, type Segment } from "./http-head.ts";
import { cheapestPath } from "./http-path.ts";

/** Versions that a segment of each level spans, to a multiple of itself. */
const SPANS: readonly number[] = [1, 16, 256];

/** Segments kept of each level: two of the next level, and 8,192 versions of the highest. */
const KEPT_PER_LEVEL = 32;

/** Anchors kept: who has begun with the one before the newest can still fetch it. */
const ANCHORS_KEPT = 2;

interface StoredSegment extends Segment {
  readonly body: Uint8Array;
}

/** Head, segments, anchors and manifest of a feed, as bytes to fetch. */
export class SegmentArchive implements Disposable {
  readonly #feed: Feed;
  readonly #levels: StoredSegment[][] = SPANS.map(() => []);
  readonly #anchors: { readonly version: number; readonly body: Uint8Array }[] = [];
  readonly #starts = new Map<number, Fingerprint>();
  readonly #unsubscribe: () => void;
  readonly #first: number;
  #manifest: { readonly name: string; readonly body: Uint8Array } = {
    name: "",
    body: new Uint8Array(0),
  };
  #head: Uint8Array = new Uint8Array(0);
  #turn: Promise<void>;

  constructor(feed: Feed) {
    this.#feed = feed;
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
    this.#unsubscribe();
  }

  async #begin(
    sealing: SealedState | Promise<SealedState>,
    at: { readonly version: number; readonly fingerprint: Fingerprint },
  ): Promise<void> {
    const { manifest, snapshot } = await sealing;
    // Its checksum: within a log that tells manifests apart.
    const name = Array.from(manifest.subarray(-4), (byte) => byte.toString(16).padStart(2, "0"));
    this.#manifest = { name: name.join(""), body: manifest };
    this.#addAnchor(at.version, snapshot);
    this.#rebuild(at.version, at.fingerprint);
  }

  /** Everything that needs the state of this moment is begun here, before it moves on. */
  #published({ fromVersion, toVersion, fingerprintAfter }: Update, bytes: Uint8Array): void {
    const merging = SPANS.flatMap((span, level) => {
      if (level === 0 || toVersion % span !== 0) return [];
      const from = Math.max(this.#first, toVersion - span);
      const fingerprint = this.#starts.get(from);
      if (fingerprint === undefined || from === fromVersion) return [];
      const updates = this.#feed.updatesSince({ version: from, fingerprint });
      return [{ level, from, updates: updates.catch(() => null) }];
    });
    const isBoundary = toVersion % (SPANS[1] ?? 1) === 0;
    if (isBoundary) this.#starts.set(toVersion, fingerprintAfter);
    const needsAnchor = isBoundary && this.#needsAnchor(toVersion, bytes.length);
    const sealing = needsAnchor ? Promise.resolve(this.#feed.sealed()).catch(() => null) : null;
    this.#turn = this.#turn.then(async () => {
      this.#addSegment(0, fromVersion, toVersion, [{ bytes }]);
      for (const { level, from, updates } of merging) {
        const missing = await updates;
        if (missing !== null) this.#addSegment(level, from, toVersion, missing);
      }
      const sealed = await sealing;
      if (sealed !== null) this.#addAnchor(toVersion, sealed.snapshot);
      this.#rebuild(toVersion, fingerprintAfter);
    });
  }

  /** When the newest anchor is no good start any more: too far behind, or cut off soon. */
  #needsAnchor(version: number, bytes: number): boolean {
    const path = cheapestPath(this.#listed(version - 1), null);
    const anchorBytes = this.#anchors.at(-1)?.body.length ?? 0;
    if (path === null) return true;
    const rest = path.bytes + bytes - (path.anchor?.bytes ?? 0);
    const isAligned = version % (SPANS[2] ?? 1) === 0;
    return rest > (isAligned ? anchorBytes / 2 : anchorBytes);
  }

  #addSegment(
    level: number,
    from: number,
    to: number,
    updates: readonly Pick<PublishedUpdate, "bytes">[],
  ): void {
    const kept = this.#levels[level];
    if (kept === undefined) return;
    const body = segmentBody(updates.map(({ bytes }) => bytes));
    kept.push({ from, to, bytes: body.length, body });
    if (kept.length > KEPT_PER_LEVEL) kept.shift();
  }

  #addAnchor(version: number, body: Uint8Array): void {
    this.#anchors.push({ version, body });
    if (this.#anchors.length > ANCHORS_KEPT) this.#anchors.shift();
  }

  #listed(version: number): Parameters<typeof cheapestPath>[0] {
    const segments = this.#levels.flat().sort((a, b) => a.from - b.from || b.to - a.to);
    const anchors = this.#anchors.map((anchor) => ({
      version: anchor.version,
      bytes: anchor.body.length,
    }));
    return { version, anchors, segments };
  }

  #rebuild(version: number, fingerprint: Fingerprint): void {
    const oldest = version - KEPT_PER_LEVEL * (SPANS[1] ?? 1);
    for (const start of this.#starts.keys()) if (start < oldest) this.#starts.delete(start);
    const { name: manifest } = this.#manifest;
    const { logId } = this.#feed;
    this.#head = encodeHttpHead({ logId, manifest, fingerprint, ...this.#listed(version) });
  }
}

/** The body of a segment: each update after its length. */
function segmentBody(updates: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(updates.reduce((sum, bytes) => sum + bytes.length + 9, 0));
  for (const bytes of updates) {
    writer.varint(bytes.length);
    writer.raw(bytes);
  }
  return writer.bytes().slice();
}

/**
 * The updates of a segment.
 * @throws ProtocolError when the body is cut or malformed
 */
export function updatesOf(body: Uint8Array): readonly Uint8Array[] {
  const reader = new ByteReader(body, (reason) => new ProtocolError(`a segment: ${reason}`));
  const updates: Uint8Array[] = [];
  while (reader.remaining > 0) {
    updates.push(reader.raw(reader.varint(body.length, "length of an update")));
  }
  return updates;
}
