/**
 * The binary form of an update, format version 2; SPEC.md section 2 says it byte by byte.
 *
 *   header │ indices, as bits │ values │ buffers │ signature │ CRC-32
 *                                       if flagged  if flagged
 */
import {
  checkEntries,
  isEventTime,
  ShapeError,
  type StateLayout,
  type Update,
  ValueRangeError,
} from "@everfresh/core";

import { BitReader } from "./bit-reader.ts";
import { BitWriter } from "./bit-writer.ts";
import { readBuffers, sumsIfSmaller, writeBuffers } from "./buffer-section.ts";
import { readIndices, writeIndices } from "./index-sections.ts";
import { PARAMETERS_MAX, TENSORS_MAX } from "./limits.ts";
import { corrupt, openUpdate, writeUpdateHeader } from "./update-header.ts";
import { ruleFor, ruleOfCode, xorIfSmaller } from "./value-coding.ts";

const NO_VALUES: Float32Array = new Float32Array(0);

/** Options of {@link encodeUpdate}. */
export interface EncodeUpdateOptions {
  /** Of the state that the update is for. */
  readonly layout: StateLayout;
  /**
   * The words of the state before the update: of its parameters, or of all of it. Where that takes
   * fewer bytes, with the former a `float32` update travels as `float32Xor`, with the latter float32
   * buffers as what is added to them; and both are decoded as such.
   */
  readonly base?: Uint32Array;
}

/** Options of {@link decodeUpdate}. */
export interface DecodeUpdateOptions {
  /** Of the state that the update is for. */
  readonly layout: StateLayout;
}

/**
 * The bytes of an update without a signature: indices in the sections and codings with the fewest
 * bits that this writer finds, values as their type says.
 * @throws ShapeError when indices do not ascend within the layout, or counts do not fit together
 * @throws ValueRangeError for a value that its type cannot carry
 */
export function encodeUpdate(update: Update, { layout, base }: EncodeUpdateOptions): Uint8Array {
  checkUpdate(update, layout);
  const words = base === undefined ? null : xorIfSmaller(update, base);
  const sent: Update = {
    ...update,
    ...(words === null ? {} : { valueType: "float32Xor", values: words }),
    ...(base === undefined ? {} : { buffers: sumsIfSmaller(update.buffers, layout, base) }),
  };
  const { indices, buffers } = sent;
  const rule = ruleFor(sent);
  const writer = writeUpdateHeader(sent, rule.code);
  if (indices.length > 0) {
    const bits = new BitWriter(indices.length * 3);
    writeIndices(bits, layout, indices);
    writer.raw(bits.bytes());
  }
  rule.write(writer, sent);
  if (buffers.length > 0) writeBuffers(writer, buffers);
  return writer.finishWithCrc().slice();
}

/**
 * The update that `bytes` stand for, with its own memory; a signature is not looked at. Memory used
 * is at most 64 times the length of `bytes`, whatever they say, and work in proportion to it and to
 * the number of tensors.
 * @throws UnsupportedFormatError for another format version
 * @throws CorruptUpdateError for anything else that {@link encodeUpdate} would not have written
 */
export function decodeUpdate(bytes: Uint8Array, { layout }: DecodeUpdateOptions): Update {
  const { header, valueCode, hasBuffers, reader } = openUpdate(bytes);
  const { entries } = header;
  const rule = ruleOfCode(valueCode);
  if (rule === undefined) throw corrupt(`values of code ${valueCode}`);
  if (entries > layout.parameterCount || entries * rule.bitsMin > reader.remaining * 8) {
    throw corrupt(`${entries} entries do not fit into ${reader.remaining} bytes`);
  }
  let indices: Uint32Array = new Uint32Array(0);
  if (entries > 0) {
    const bits = new BitReader(reader.rest(), corrupt);
    indices = readIndices(bits, corrupt, layout, entries);
    reader.raw(bits.end());
  }
  if (
    entries === 0 &&
    rule.code !== ruleFor({ valueType: rule.valueType, values: NO_VALUES }).code
  ) {
    throw corrupt(`values of code ${valueCode}, and none is there`);
  }
  const values = rule.read(reader, corrupt, { indices, layout });
  const buffers = hasBuffers ? readBuffers(reader) : [];
  reader.end();
  return {
    fromVersion: header.fromVersion,
    toVersion: header.toVersion,
    fingerprintBefore: header.fingerprintBefore,
    fingerprintAfter: header.fingerprintAfter,
    eventTimeMs: header.eventTimeMs,
    valueType: header.valueType,
    indices,
    ...values,
    buffers,
  };
}

function checkUpdate(update: Update, layout: StateLayout): void {
  const { fromVersion, toVersion, eventTimeMs, buffers } = update;
  if (!Number.isSafeInteger(fromVersion) || !Number.isSafeInteger(toVersion)) {
    throw new ShapeError(`Update versions ${fromVersion} and ${toVersion} must be whole numbers`);
  }
  if (fromVersion < 0 || toVersion <= fromVersion) {
    throw new ShapeError(`Update must lead forward, not from ${fromVersion} to ${toVersion}`);
  }
  if (!isEventTime(eventTimeMs)) {
    throw new ValueRangeError(`Update has event time ${eventTimeMs}: whole milliseconds are one`);
  }
  if (layout.parameterCount > PARAMETERS_MAX) {
    throw new ShapeError(`A state of ${layout.parameterCount} parameters is above 2^31`);
  }
  checkEntries(layout, update);
  let previous = -1;
  for (const { tensor } of buffers) {
    if (tensor <= previous || tensor >= TENSORS_MAX) {
      throw new ShapeError(`Update changes buffer ${tensor} after ${previous}: they ascend`);
    }
    previous = tensor;
  }
}
