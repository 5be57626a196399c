/**
 * The one resource of a model that changes: SPEC.md section 4.3.
 *
 *   "EH" 01 │ log id │ manifest │ version │ fingerprint │ anchors │ segments │ CRC-32
 */
import { openChecked } from "../../codec/byte-reader.ts";
import { ByteWriter } from "../../codec/byte-writer.ts";
import { LOG_ID_BYTES_MAX } from "../../codec/manifest-codec.ts";
import { ProtocolError } from "../../errors.ts";
import type { Position } from "../../protocol/message.ts";

/** A segment: the updates that lead from one version to another. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  /** Of its body. */
  readonly bytes: number;
}

/** A snapshot that can be fetched. */
export interface Anchor {
  readonly version: number;
  /** Of its body. */
  readonly bytes: number;
}

/** What `head` says: where the log is, and what can be fetched. */
export interface HttpHead extends Position {
  /** Name of the manifest. */
  readonly manifest: string;
  /** By version. */
  readonly anchors: readonly Anchor[];
  /** By `from`. */
  readonly segments: readonly Segment[];
}

const HEAD = { what: "Head", magic: "EH", version: 1 } as const;

/** Most anchors or segments that a head may list. */
const LISTED_MAX = 65_536;

/** Longest name of a manifest in bytes. */
const NAME_BYTES_MAX = 64;

/** The bytes of a head. */
export function encodeHttpHead(head: HttpHead): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.raw(new TextEncoder().encode(HEAD.magic));
  writer.u8(HEAD.version);
  writer.text(head.logId);
  writer.text(head.manifest);
  writer.varint(head.version);
  writer.fingerprint(head.fingerprint);
  writer.varint(head.anchors.length);
  let last = 0;
  for (const { version, bytes } of head.anchors) {
    writer.varint(version - last);
    writer.varint(bytes);
    last = version;
  }
  writer.varint(head.segments.length);
  last = 0;
  for (const { from, to, bytes } of head.segments) {
    writer.varint(from - last);
    writer.varint(to - from);
    writer.varint(bytes);
    last = from;
  }
  return writer.finishWithCrc().slice();
}

/**
 * The head that `bytes` stand for.
 * @throws ProtocolError, UnsupportedFormatError for anything that {@link encodeHttpHead} would not
 * have written
 */
export function decodeHttpHead(bytes: Uint8Array): HttpHead {
  const reader = openChecked(bytes, HEAD, (reason) => new ProtocolError(`its head: ${reason}`));
  const whole = (name: string): number => reader.varint(Number.MAX_SAFE_INTEGER, name);
  const logId = reader.text(LOG_ID_BYTES_MAX, "log id");
  const manifest = reader.text(NAME_BYTES_MAX, "manifest");
  const version = whole("version");
  const fingerprint = reader.fingerprint();
  let last = 0;
  const anchors = Array.from({ length: reader.varint(LISTED_MAX, "anchors") }, () => {
    last += whole("version of an anchor");
    return { version: last, bytes: whole("bytes of an anchor") };
  });
  last = 0;
  const segments = Array.from({ length: reader.varint(LISTED_MAX, "segments") }, () => {
    last += whole("start of a segment");
    return {
      from: last,
      to: last + whole("length of a segment"),
      bytes: whole("bytes of a segment"),
    };
  });
  reader.end();
  return { logId, manifest, version, fingerprint, anchors, segments };
}
