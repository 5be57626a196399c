/** The form of segments: SPEC.md section 4.3. */
import { ByteReader } from "../../codec/byte-reader.ts";
import { ByteWriter } from "../../codec/byte-writer.ts";
import { ProtocolError } from "../../errors.ts";

/** Versions that a segment of each level spans, to a multiple of itself. */
export const SEGMENT_SPANS: readonly number[] = [1, 16, 256];

/** Segments kept of each level: two of the next level, and 8,192 versions of the highest. */
export const SEGMENTS_PER_LEVEL = 32;

/**
 * Single updates kept where they are small: who has a version inside of a merged segment goes on by
 * them, and looks again after a few seconds only.
 */
export const SINGLES_KEPT_MAX = 256;

/** Bytes of single updates kept beyond {@link SEGMENTS_PER_LEVEL} of them. */
const SINGLES_BYTES_MAX: number = 8 * 2 ** 20;

/** How many of the newest single updates are kept, given their bodies, oldest first. */
export function singlesKept(singles: readonly { readonly body: Uint8Array }[]): number {
  let bytes = 0;
  let kept = 0;
  for (const { body } of singles.slice(-SINGLES_KEPT_MAX).reverse()) {
    bytes += body.length;
    if (kept >= SEGMENTS_PER_LEVEL && bytes > SINGLES_BYTES_MAX) break;
    kept++;
  }
  return kept;
}

/** The body of a segment: each update after its length. */
export function segmentBody(updates: readonly Uint8Array[]): Uint8Array {
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
