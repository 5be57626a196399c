/**
 * The parts of an update that can be read without knowing the state: SPEC.md section 2.
 *
 *   "EU" 02 │ flags │ from │ to−from−1 │ before │ after │ event time │ n │ ... │ signature │ CRC-32
 *     3        1     varint   varint      16      16      varint   varint          68         4
 */
import type { Update } from "@everfresh/core";

import { CorruptUpdateError } from "../errors.ts";
import { ByteReader, type FormatHead, openChecked } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { PARAMETERS_MAX } from "./limits.ts";
import { ruleOfCode } from "./value-coding.ts";

const HEAD: FormatHead = { what: "Update", magic: "EU", version: 2 };

/** Where the flags are. */
export const FLAGS_AT: number = HEAD.magic.length + 1;

/** Bits of the flags; the low four are the code of the values. */
export const UPDATE_FLAGS = { eventTime: 16, buffers: 32, signed: 64, unknown: 128 } as const;

/** Bytes of a key id, the first four of the SHA-256 of a public key, before a signature. */
export const KEY_ID_BYTES = 4;

/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;

/** Bytes that a signature adds to a format: key id and signature. */
export const SEAL_BYTES: number = KEY_ID_BYTES + SIGNATURE_BYTES;

/** What an update says about itself, without its entries. */
export interface UpdateHeader extends Pick<
  Update,
  | "fromVersion"
  | "toVersion"
  | "fingerprintBefore"
  | "fingerprintAfter"
  | "eventTimeMs"
  | "valueType"
> {
  /** How many parameters it changes. */
  readonly entries: number;
  /** Which key signed it, as a number of 32 bits; null without a signature. */
  readonly keyId: number | null;
}

/** A header with a reader behind it, which ends before signature and checksum. */
export interface OpenUpdate {
  readonly header: UpdateHeader;
  /** The low four bits of the flags. */
  readonly valueCode: number;
  readonly hasBuffers: boolean;
  readonly reader: ByteReader;
  /** Where the signature would be, its key id included. */
  readonly bodyEnd: number;
}

/**
 * Reads and checks the header and the checksum of an update; the layout of its state need not be
 * known. What the rest says stays open.
 * @throws UnsupportedFormatError for another format version
 * @throws CorruptUpdateError for anything else that is not the start of an update
 */
export function readUpdateHeader(bytes: Uint8Array): UpdateHeader {
  return openUpdate(bytes).header;
}

/** As {@link readUpdateHeader}, and goes on reading behind it. */
export function openUpdate(bytes: Uint8Array): OpenUpdate {
  const reader = openChecked(bytes, HEAD, corrupt);
  const flags = reader.u8();
  const valueCode = flags & 15;
  const rule = ruleOfCode(valueCode);
  if (rule === undefined || (flags & UPDATE_FLAGS.unknown) !== 0) {
    throw corrupt(`flags ${flags} are unknown`);
  }
  const fromVersion = reader.varint(Number.MAX_SAFE_INTEGER - 1, "from-version");
  const steps = reader.varint(Number.MAX_SAFE_INTEGER - 1 - fromVersion, "to-version");
  const fingerprintBefore = reader.fingerprint();
  const fingerprintAfter = reader.fingerprint();
  const hasTime = (flags & UPDATE_FLAGS.eventTime) !== 0;
  const eventTimeMs = hasTime ? reader.varint(Number.MAX_SAFE_INTEGER, "event time") : null;
  const entries = reader.varint(PARAMETERS_MAX, "number of entries");
  const isSigned = (flags & UPDATE_FLAGS.signed) !== 0;
  const bodyBytes = reader.remaining - (isSigned ? SEAL_BYTES : 0);
  if (bodyBytes < 0) throw corrupt("its signature is too short");
  const bodyEnd = reader.offset + bodyBytes;
  return {
    header: {
      fromVersion,
      toVersion: fromVersion + 1 + steps,
      fingerprintBefore,
      fingerprintAfter,
      eventTimeMs,
      valueType: rule.valueType,
      entries,
      keyId: isSigned ? keyIdAt(bytes, bodyEnd) : null,
    },
    valueCode,
    hasBuffers: (flags & UPDATE_FLAGS.buffers) !== 0,
    reader: new ByteReader(bytes, corrupt, reader.offset, bodyEnd),
    bodyEnd,
  };
}

/** Starts an update: all up to and with the number of entries. */
export function writeUpdateHeader(update: Update, valueCode: number): ByteWriter {
  const { fromVersion, toVersion, eventTimeMs, indices, buffers } = update;
  const writer = new ByteWriter(128 + indices.length * 7);
  writer.raw(new TextEncoder().encode(HEAD.magic));
  writer.u8(HEAD.version);
  const timeFlag = eventTimeMs === null ? 0 : UPDATE_FLAGS.eventTime;
  writer.u8(valueCode | timeFlag | (buffers.length === 0 ? 0 : UPDATE_FLAGS.buffers));
  writer.varint(fromVersion);
  writer.varint(toVersion - fromVersion - 1);
  writer.fingerprint(update.fingerprintBefore);
  writer.fingerprint(update.fingerprintAfter);
  if (eventTimeMs !== null) writer.varint(eventTimeMs);
  writer.varint(indices.length);
  return writer;
}

/** The error of an update that is none. */
export function corrupt(reason: string): CorruptUpdateError {
  return new CorruptUpdateError(reason);
}

function keyIdAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, KEY_ID_BYTES).getUint32(0, false);
}
