/**
 * The binary form of a snapshot, format version 2: SPEC.md section 3.
 *
 *   "ES" 02 │ flags │ version │ fingerprint │ event time │ state │ signature │ CRC-32
 *                                              if flagged           if flagged
 */
import { isEventTime, ValueRangeError } from "@everfresh/core";

import { CorruptSnapshotError } from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import { type ByteReader, type FormatHead, openChecked } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { SEAL_BYTES, UPDATE_FLAGS } from "./update-header.ts";

const HEAD: FormatHead = { what: "Snapshot", magic: "ES", version: 2 };

const KNOWN_FLAGS = UPDATE_FLAGS.eventTime | UPDATE_FLAGS.signed;

/** The bytes of a snapshot, without a signature. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const { version, fingerprint, eventTimeMs = null, bytes } = snapshot;
  if (!isEventTime(eventTimeMs)) {
    throw new ValueRangeError(`Snapshot has event time ${eventTimeMs}: whole milliseconds are one`);
  }
  const writer = new ByteWriter(bytes.length + SEAL_BYTES + 64);
  writer.raw(new TextEncoder().encode(HEAD.magic));
  writer.u8(HEAD.version);
  writer.u8(eventTimeMs === null ? 0 : UPDATE_FLAGS.eventTime);
  writer.varint(version);
  writer.fingerprint(fingerprint);
  if (eventTimeMs !== null) writer.varint(eventTimeMs);
  writer.raw(bytes);
  return writer.finishWithCrc();
}

/**
 * The snapshot that `bytes` stand for; its `bytes` are a view on them. Whether they have the size
 * of a layout and the fingerprint that they claim is for whoever knows the layout to check; a
 * signature is not looked at.
 * @throws UnsupportedFormatError for another format version
 * @throws CorruptSnapshotError when checksum or structure are wrong
 */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const { reader, flags, bodyBytes } = openSnapshot(bytes);
  const start = reader.offset;
  const version = reader.varint(Number.MAX_SAFE_INTEGER, "version");
  const fingerprint = reader.fingerprint();
  const isTimed = (flags & UPDATE_FLAGS.eventTime) !== 0;
  const time = isTimed ? { eventTimeMs: reader.varint(Number.MAX_SAFE_INTEGER, "event time") } : {};
  const stateBytes = bodyBytes - (reader.offset - start);
  if (stateBytes < 0) throw corrupt("its signature is too short");
  return { version, fingerprint, ...time, bytes: reader.raw(stateBytes) };
}

/** A snapshot whose checksum is right, read up to and with its flags. */
export function openSnapshot(bytes: Uint8Array): {
  readonly reader: ByteReader;
  readonly flags: number;
  /** Bytes between the flags and the signature, or the checksum where there is none. */
  readonly bodyBytes: number;
} {
  const reader = openChecked(bytes, HEAD, corrupt);
  const flags = reader.u8();
  if ((flags & ~KNOWN_FLAGS) !== 0) throw corrupt(`flags ${flags} are unknown`);
  const isSigned = (flags & UPDATE_FLAGS.signed) !== 0;
  const bodyBytes = reader.remaining - (isSigned ? SEAL_BYTES : 0);
  if (bodyBytes < 0) throw corrupt("its signature is too short");
  return { reader, flags, bodyBytes };
}

function corrupt(reason: string): CorruptSnapshotError {
  return new CorruptSnapshotError(reason);
}
