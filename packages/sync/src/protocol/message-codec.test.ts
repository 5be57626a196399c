import { EverfreshError, Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { encodeManifest } from "../codec/manifest-codec.ts";
import { encodeSnapshot } from "../codec/snapshot-codec.ts";
import { readUpdateHeader } from "../codec/update-header.ts";
import { ProtocolError, UnsupportedFormatError } from "../errors.ts";
import { Publisher, smallManifest } from "../publisher.fixture.ts";
import {
  decodeFeedMessage,
  decodeReplicaMessage,
  encodeFeedMessage,
  encodeReplicaMessage,
  frameManifest,
  frameSnapshot,
  frameUpdate,
} from "./message-codec.ts";
import { type FeedMessage, PROTOCOL_VERSION, type ReplicaMessage } from "./message.ts";

const fingerprint = "0123456789abcdef0123456789abcdef";
const snapshot = { version: 300, fingerprint, bytes: Uint8Array.of(1, 2, 3) };
const { bytes } = new Publisher(new Random(1)).next();
const header = readUpdateHeader(bytes);

const REPLICA_MESSAGES: { readonly [K in ReplicaMessage["kind"]]: readonly ReplicaMessage[] } = {
  hello: [
    { kind: "hello", protocolVersion: PROTOCOL_VERSION, have: null },
    {
      kind: "hello",
      protocolVersion: PROTOCOL_VERSION,
      have: { logId: "log-1", version: 7, fingerprint },
    },
  ],
  ack: [{ kind: "ack", version: 2 ** 40, fingerprint }],
  resync: [
    { kind: "resync", reason: "gap", have: { logId: "log-1", version: 7, fingerprint } },
    { kind: "resync", reason: "corrupt", have: { logId: "log-1", version: 7, fingerprint } },
    { kind: "resync", reason: "diverged", have: null },
    { kind: "resync", reason: "noManifest", have: null },
  ],
};

const FEED_MESSAGES: { readonly [K in FeedMessage["kind"]]: readonly FeedMessage[] } = {
  manifest: [
    { kind: "manifest", manifest: smallManifest(), bytes: encodeManifest(smallManifest()) },
  ],
  snapshot: [{ kind: "snapshot", logId: "log-1", snapshot, bytes: encodeSnapshot(snapshot) }],
  update: [{ kind: "update", header, bytes }],
  head: [{ kind: "head", logId: "log-1", version: 5, fingerprint }],
  end: [
    { kind: "end", reason: "shutdown", message: "" },
    { kind: "end", reason: "busy", message: "füll" },
    { kind: "end", reason: "violation", message: "why" },
    { kind: "end", reason: "unsupported", message: "why" },
  ],
};

const replicaMessages = Object.values(REPLICA_MESSAGES).flat();
const feedMessages = Object.values(FEED_MESSAGES).flat();

describe("messages", () => {
  it.each(replicaMessages)("give back a replica's $kind as it was", (message) => {
    expect(decodeReplicaMessage(encodeReplicaMessage(message))).toEqual(message);
  });

  it.each(feedMessages)("give back a feed's $kind as it was", (message) => {
    expect(decodeFeedMessage(encodeFeedMessage(message))).toEqual(message);
  });

  it("frame encoded bytes as the messages that carry them", () => {
    const [manifest, snapshotMessage] = [...FEED_MESSAGES.manifest, ...FEED_MESSAGES.snapshot];
    expect(frameUpdate(bytes)).toEqual(encodeFeedMessage({ kind: "update", header, bytes }));
    expect(frameManifest(encodeManifest(smallManifest()))).toEqual(encodeFeedMessage(manifest!));
    const frame = frameSnapshot("log-1", encodeSnapshot(snapshot));
    expect(frame).toEqual(encodeFeedMessage(snapshotMessage!));
  });

  it("have a type byte of their own", () => {
    const frames = [
      ...replicaMessages.map((message) => encodeReplicaMessage(message)),
      ...feedMessages.map((message) => encodeFeedMessage(message)),
    ];
    expect(new Set(frames.map((frame) => frame[0])).size).toBe(8);
  });

  it("are refused when they are empty, unknown, too long, or followed by more", () => {
    const ack = encodeReplicaMessage({ kind: "ack", version: 1, fingerprint });
    expect(() => decodeReplicaMessage(new Uint8Array(0))).toThrow(ProtocolError);
    expect(() => decodeReplicaMessage(Uint8Array.of(99, 0, 0, 0, 0))).toThrow("type 99");
    expect(() => decodeReplicaMessage(new Uint8Array(257))).toThrow("257 bytes");
    expect(() => decodeReplicaMessage(Uint8Array.of(...ack, 0))).toThrow(ProtocolError);
    expect(() => decodeFeedMessage(ack)).toThrow("type 2");
  });

  it("name another protocol version", () => {
    const hello = encodeReplicaMessage({ kind: "hello", protocolVersion: 1, have: null });
    expect(() => decodeReplicaMessage(hello)).toThrow(UnsupportedFormatError);
  });

  it("shorten a long explanation", () => {
    const message: FeedMessage = { kind: "end", reason: "busy", message: "€".repeat(5_000) };
    const decoded = decodeFeedMessage(encodeFeedMessage(message));
    expect(decoded).toMatchObject({ message: "€".repeat(341) });
  });

  it("with any flipped bit are a typed error, or keep their meaning's checks for later", () => {
    const frames = [
      ...replicaMessages.map((message) => ({
        frame: encodeReplicaMessage(message),
        decode: decodeReplicaMessage,
      })),
      ...feedMessages.map((message) => ({
        frame: encodeFeedMessage(message),
        decode: decodeFeedMessage,
      })),
    ];
    for (const { frame, decode } of frames) {
      // The log id of a snapshot is outside of its checksum: the replica compares it.
      const isLogId = (at: number): boolean => frame[0] === 17 && at >= 1 && at <= 6;
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const flipped = frame.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        if (!isLogId(bit >> 3)) expect(() => decode(flipped)).toThrow(EverfreshError);
      }
    }
  });
});
