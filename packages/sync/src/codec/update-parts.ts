import type { StateLayout } from "@everfresh/core";

import { BitReader } from "./bit-reader.ts";
import { CRC_BYTES } from "./byte-writer.ts";
import { readIndices } from "./index-sections.ts";
import { corrupt, openUpdate } from "./update-header.ts";
import { ruleOfCode } from "./value-coding.ts";

/** Where the bytes of an encoded update go. */
export interface UpdateParts {
  /** Versions, fingerprints, event time, number of entries. */
  readonly header: number;
  readonly indices: number;
  readonly values: number;
  readonly buffers: number;
  readonly signature: number;
  readonly checksum: number;
}

/**
 * How many bytes each part of an encoded update takes; together its length.
 * @throws CorruptUpdateError, UnsupportedFormatError as `decodeUpdate`
 */
export function updateParts(bytes: Uint8Array, layout: StateLayout): UpdateParts {
  const { header, valueCode, reader, bodyEnd } = openUpdate(bytes);
  const rule = ruleOfCode(valueCode);
  if (rule === undefined) throw corrupt(`values of code ${valueCode}`);
  const indicesAt = reader.offset;
  let indices: Uint32Array = new Uint32Array(0);
  if (header.entries > 0) {
    const bits = new BitReader(reader.rest(), corrupt);
    indices = readIndices(bits, corrupt, layout, header.entries);
    reader.raw(bits.end());
  }
  const valuesAt = reader.offset;
  rule.read(reader, corrupt, { indices, layout });
  const buffersAt = reader.offset;
  return {
    header: indicesAt,
    indices: valuesAt - indicesAt,
    values: buffersAt - valuesAt,
    buffers: bodyEnd - buffersAt,
    signature: bytes.length - CRC_BYTES - bodyEnd,
    checksum: CRC_BYTES,
  };
}
