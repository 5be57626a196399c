import type { EverfreshError } from "@everfresh/core";

import { ByteReader, readerBeforeCrc } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { decodeManifest, LOG_ID_BYTES_MAX } from "../codec/manifest-codec.ts";
import { decodeSnapshot } from "../codec/snapshot-codec.ts";
import { readUpdateHeader } from "../codec/update-header.ts";
import { ProtocolError, UnsupportedFormatError } from "../errors.ts";
import type { StateName } from "../replica/runtime.ts";
import {
  END_MESSAGE_BYTES_MAX,
  type EndReason,
  FEED_MESSAGE_BYTES_MAX,
  type FeedMessage,
  type Position,
  PROTOCOL_VERSION,
  REPLICA_MESSAGE_BYTES_MAX,
  type ReplicaMessage,
  type ResyncReason,
} from "./message.ts";

type Kind = FeedMessage["kind"] | ReplicaMessage["kind"];
type MessageOf<M, K> = Extract<M, { readonly kind: K }>;

interface MessageRule<M> {
  /** The first byte. */
  readonly type: number;
  /** Whether the frame ends with its own CRC-32; the large bodies bring theirs. */
  readonly checked: boolean;
  write(writer: ByteWriter, message: M): void;
  /** Reads the body; the caller checks that nothing is left. */
  read(reader: ByteReader): M;
}

const RESYNC_CODES: { readonly [R in ResyncReason]: number } = {
  gap: 0,
  corrupt: 1,
  diverged: 2,
  noManifest: 3,
};

const END_CODES: { readonly [R in EndReason]: number } = {
  shutdown: 0,
  busy: 1,
  violation: 2,
  unsupported: 3,
};

const REPLICA_MESSAGES: {
  readonly [K in ReplicaMessage["kind"]]: MessageRule<MessageOf<ReplicaMessage, K>>;
} = {
  hello: {
    type: 1,
    checked: true,
    write: (writer, { protocolVersion, have }) => {
      writer.varint(protocolVersion);
      writeMaybePosition(writer, have);
    },
    read: (reader) => {
      const protocolVersion = reader.varint(Number.MAX_SAFE_INTEGER, "protocol version");
      // Another version may go on differently, so that its own words are the answer.
      if (protocolVersion !== PROTOCOL_VERSION) {
        throw new UnsupportedFormatError("Replica's protocol", protocolVersion, PROTOCOL_VERSION);
      }
      return { kind: "hello", protocolVersion, have: readMaybePosition(reader) };
    },
  },
  ack: {
    type: 2,
    checked: true,
    write: (writer, message) => writeName(writer, message),
    read: (reader) => ({ kind: "ack", ...readName(reader) }),
  },
  resync: {
    type: 3,
    checked: true,
    write: (writer, { reason, have }) => {
      writer.u8(RESYNC_CODES[reason]);
      writeMaybePosition(writer, have);
    },
    read: (reader) => {
      const reason = reasonOf(RESYNC_CODES, reader.u8());
      return { kind: "resync", reason, have: readMaybePosition(reader) };
    },
  },
};

const FEED_MESSAGES: {
  readonly [K in FeedMessage["kind"]]: MessageRule<MessageOf<FeedMessage, K>>;
} = {
  manifest: {
    type: 16,
    checked: false,
    write: (writer, { bytes }) => writer.raw(bytes),
    read: (reader) => {
      const bytes = reader.raw(reader.remaining);
      return { kind: "manifest", manifest: decodeManifest(bytes), bytes };
    },
  },
  snapshot: {
    type: 17,
    checked: false,
    write: (writer, { logId, bytes }) => {
      writer.text(logId);
      writer.raw(bytes);
    },
    read: (reader) => {
      const logId = reader.text(LOG_ID_BYTES_MAX, "log id");
      const bytes = reader.raw(reader.remaining);
      return { kind: "snapshot", logId, snapshot: decodeSnapshot(bytes), bytes };
    },
  },
  update: {
    type: 18,
    checked: false,
    write: (writer, { bytes }) => writer.raw(bytes),
    read: (reader) => {
      const bytes = reader.raw(reader.remaining);
      return { kind: "update", header: readUpdateHeader(bytes), bytes };
    },
  },
  head: {
    type: 19,
    checked: true,
    write: (writer, message) => writePosition(writer, message),
    read: (reader) => ({ kind: "head", ...readPosition(reader) }),
  },
  end: {
    type: 20,
    checked: true,
    write: (writer, { reason, message }) => {
      writer.u8(END_CODES[reason]);
      writer.text(shortened(message));
    },
    read: (reader) => ({
      kind: "end",
      reason: reasonOf(END_CODES, reader.u8()),
      message: reader.text(END_MESSAGE_BYTES_MAX, "message"),
    }),
  },
};

/** The first byte of each message of a feed. */
export const FEED_MESSAGE_TYPES: { readonly [K in FeedMessage["kind"]]: number } = {
  manifest: FEED_MESSAGES.manifest.type,
  snapshot: FEED_MESSAGES.snapshot.type,
  update: FEED_MESSAGES.update.type,
  head: FEED_MESSAGES.head.type,
  end: FEED_MESSAGES.end.type,
};

/** The frame of a replica's message. */
export function encodeReplicaMessage(message: ReplicaMessage): Uint8Array {
  return encode(REPLICA_MESSAGES[message.kind] as MessageRule<ReplicaMessage>, message);
}

/** The frame of a feed's message. */
export function encodeFeedMessage(message: FeedMessage): Uint8Array {
  return encode(FEED_MESSAGES[message.kind] as MessageRule<FeedMessage>, message);
}

/** The frame of an update that is already encoded: published bytes go out as they are. */
export function frameUpdate(bytes: Uint8Array): Uint8Array {
  return framed(FEED_MESSAGES.update.type, bytes);
}

/** The frame of a manifest that is already encoded. */
export function frameManifest(bytes: Uint8Array): Uint8Array {
  return framed(FEED_MESSAGES.manifest.type, bytes);
}

/** The frame of a snapshot that is already encoded. */
export function frameSnapshot(logId: string, bytes: Uint8Array): Uint8Array {
  const head = new ByteWriter(64);
  head.u8(FEED_MESSAGES.snapshot.type);
  head.text(logId);
  const frame = new Uint8Array(head.length + bytes.length);
  frame.set(head.bytes());
  frame.set(bytes, head.length);
  return frame;
}

/**
 * What a replica said.
 * @throws ProtocolError for anything that {@link encodeReplicaMessage} would not have written
 * @throws UnsupportedFormatError for another protocol version
 */
export function decodeReplicaMessage(frame: Uint8Array): ReplicaMessage {
  return decode<ReplicaMessage>(REPLICA_MESSAGES, frame, REPLICA_MESSAGE_BYTES_MAX);
}

/**
 * What a feed said.
 * @throws ProtocolError, CorruptUpdateError, CorruptSnapshotError, CorruptManifestError or
 * UnsupportedFormatError for anything that a feed of this release would not have written
 */
export function decodeFeedMessage(frame: Uint8Array): FeedMessage {
  return decode<FeedMessage>(FEED_MESSAGES, frame, FEED_MESSAGE_BYTES_MAX);
}

function encode<M>(rule: MessageRule<M>, message: M): Uint8Array {
  const writer = new ByteWriter(64);
  writer.u8(rule.type);
  rule.write(writer, message);
  return (rule.checked ? writer.finishWithCrc() : writer.bytes()).slice();
}

function decode<M extends { readonly kind: Kind }>(
  rules: { readonly [K in M["kind"]]: Omit<MessageRule<M>, "write"> },
  frame: Uint8Array,
  bytesMax: number,
): M {
  if (frame.length > bytesMax) throw fail(`message of ${frame.length} bytes, at most ${bytesMax}`);
  const list: readonly Omit<MessageRule<M>, "write">[] = Object.values(rules);
  const rule = list.find((candidate) => candidate.type === frame[0]);
  if (rule === undefined) throw fail(`message of type ${frame[0] ?? "none"} is unknown`);
  const reader = rule.checked
    ? readerBeforeCrc(frame, fail, 1)
    : new ByteReader(frame, fail, 1, frame.length);
  const message = rule.read(reader);
  reader.end();
  return message;
}

function fail(reason: string): EverfreshError {
  return new ProtocolError(reason);
}

function framed(type: number, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(bytes.length + 1);
  frame[0] = type;
  frame.set(bytes, 1);
  return frame;
}

function writeMaybePosition(writer: ByteWriter, position: Position | null): void {
  writer.u8(position === null ? 0 : 1);
  if (position !== null) writePosition(writer, position);
}

function readMaybePosition(reader: ByteReader): Position | null {
  const has = reader.u8();
  if (has > 1) throw fail(`position has flag ${has}`);
  return has === 0 ? null : readPosition(reader);
}

function writePosition(writer: ByteWriter, position: Position): void {
  writer.text(position.logId);
  writeName(writer, position);
}

function readPosition(reader: ByteReader): Position {
  return { logId: reader.text(LOG_ID_BYTES_MAX, "log id"), ...readName(reader) };
}

function writeName(writer: ByteWriter, { version, fingerprint }: StateName): void {
  writer.varint(version);
  writer.fingerprint(fingerprint);
}

function readName(reader: ByteReader): StateName {
  return {
    version: reader.varint(Number.MAX_SAFE_INTEGER, "version"),
    fingerprint: reader.fingerprint(),
  };
}

function reasonOf<R extends string>(codes: { readonly [K in R]: number }, code: number): R {
  const reasons = Object.keys(codes) as R[];
  const reason = reasons.find((candidate) => codes[candidate] === code);
  if (reason === undefined) throw fail(`reason ${code} is unknown`);
  return reason;
}

/** As much of `text` as surely fits: a UTF-16 unit takes at most three bytes of UTF-8. */
function shortened(text: string): string {
  return text.slice(0, Math.floor(END_MESSAGE_BYTES_MAX / 3));
}
