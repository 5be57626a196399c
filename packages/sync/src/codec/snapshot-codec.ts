import { CorruptSnapshotError } from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import { type FormatHead, openChecked } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

const HEAD: FormatHead = { what: "Snapshot", magic: "ES", version: 1 };

/** The bytes of a snapshot: `"ES" 01 │ version │ fingerprint │ state bytes │ CRC-32`. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const writer = new ByteWriter(snapshot.bytes.length + 64);
  writer.raw(new TextEncoder().encode(HEAD.magic));
  writer.u8(HEAD.version);
  writer.varint(snapshot.version);
  writer.fingerprint(snapshot.fingerprint);
  writer.raw(snapshot.bytes);
  return writer.finishWithCrc();
}

/**
 * The snapshot that `bytes` stand for; its `bytes` are a view on them. Whether they have the size
 * of a layout and the fingerprint that they claim is for whoever knows the layout to check.
 * @throws UnsupportedFormatError for another format version
 * @throws CorruptSnapshotError when checksum or structure are wrong
 */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const reader = openChecked(bytes, HEAD, (reason) => new CorruptSnapshotError(reason));
  const version = reader.varint(Number.MAX_SAFE_INTEGER, "version");
  const fingerprint = reader.fingerprint();
  return { version, fingerprint, bytes: reader.raw(reader.remaining) };
}
