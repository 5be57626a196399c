/**
 * The messages between a feed and its replicas. Each is one binary frame: a type byte, then a body.
 *
 *   replica                                   feed
 *      │ ── hello (what I have) ──────────────► │
 *      │ ◄──────────── manifest, snapshot ───── │   or what is missing: updates, a merged one, or
 *      │                                        │   `head` alone when nothing is
 *      │ ── ack ──────────────────────────────► │
 *      │ ◄──────────────────────── update ───── │   again and again, in order
 *      │ ── ack ──────────────────────────────► │
 *      │ ◄────────────────────────── head ───── │   every few seconds: alive, and how far we are
 *      │ ── resync (why, what I have) ────────► │   after anything that does not fit
 *      │ ◄────── updates, or a snapshot ─────── │
 *      │ ◄─────────────────────────── end ───── │   before the feed closes the connection
 */
import type { Fingerprint } from "@everfresh/core";

import type { UpdateHeader } from "../codec/update-header.ts";
import type { Manifest, Snapshot } from "../manifest.ts";

/** The protocol version of this release; both sides must have the same. */
export const PROTOCOL_VERSION = 2;

/** Longest message from a replica: it only ever says who it is and where it is. */
export const REPLICA_MESSAGE_BYTES_MAX = 256;

/** Longest message from a feed: a state of 250 million parameters; larger ones need chunks. */
export const FEED_MESSAGE_BYTES_MAX: number = 2 ** 30;

/** Longest explanation in an `end`, in bytes. */
export const END_MESSAGE_BYTES_MAX = 1024;

/** A state of a log, by name. */
export interface Position {
  readonly logId: string;
  readonly version: number;
  readonly fingerprint: Fingerprint;
}

/** First message of a replica. */
export interface Hello {
  readonly kind: "hello";
  readonly protocolVersion: number;
  /** What the replica serves already, if anything. */
  readonly have: Position | null;
}

/** A replica serves this state now. */
export interface Ack {
  readonly kind: "ack";
  readonly version: number;
  readonly fingerprint: Fingerprint;
}

/** Why a replica asks to be brought in line. */
export type ResyncReason = "gap" | "corrupt" | "diverged" | "noManifest";

/** A replica asks for what it misses; for the manifest too when it has none. */
export interface Resync {
  readonly kind: "resync";
  readonly reason: ResyncReason;
  /** What it has and trusts, to go on from; without it only a snapshot helps. */
  readonly have: Position | null;
}

/** What a replica says. */
export type ReplicaMessage = Hello | Ack | Resync;

/** The model, before its first snapshot. */
interface ManifestMessage {
  readonly kind: "manifest";
  readonly manifest: Manifest;
  /** The manifest as it was encoded, perhaps signed. */
  readonly bytes: Uint8Array;
}

/** A whole state of the log `logId`. */
interface SnapshotMessage {
  readonly kind: "snapshot";
  readonly logId: string;
  readonly snapshot: Snapshot;
  /** The snapshot as it was encoded, perhaps signed. */
  readonly bytes: Uint8Array;
}

/** The next change: its entries can be decoded where the layout of its state is known. */
interface UpdateMessage {
  readonly kind: "update";
  readonly header: UpdateHeader;
  /** The whole update as it was encoded; its checksum is right. */
  readonly bytes: Uint8Array;
}

/** Where the feed is; a replica that is elsewhere has missed something. */
interface Head extends Position {
  readonly kind: "head";
}

/** Why a feed ends a connection. */
export type EndReason = "shutdown" | "busy" | "violation" | "unsupported";

/** Last message of a feed. */
interface End {
  readonly kind: "end";
  readonly reason: EndReason;
  /** For people. */
  readonly message: string;
}

/** What a feed says. */
export type FeedMessage = ManifestMessage | SnapshotMessage | UpdateMessage | Head | End;
