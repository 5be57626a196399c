/**
 * The binary form of an update, format version 2; SPEC.md section 2 says it byte by byte.
 *
 *   header │ indices, as bits │ values │ buffers │ signature │ CRC-32
 *                                       if flagged  if flagged
 */
import {
  type BufferChange,
  bytesPerElement,
  checkEntries,
  type DType,
  isEventTime,
  ShapeError,
  type StateLayout,
  type Update,
  ValueRangeError,
  viewOf,
} from "@everfresh/core";

import { BitReader } from "./bit-reader.ts";
import { BitWriter } from "./bit-writer.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { readIndices, writeIndices } from "./index-sections.ts";
import { PARAMETERS_MAX, TENSORS_MAX } from "./limits.ts";
import { corrupt, openUpdate, writeUpdateHeader } from "./update-header.ts";
import { ruleFor, ruleOfCode, xorIfSmaller } from "./value-coding.ts";

// uint8 and bool are the same bytes in the same typed array, so they share a code.
const DTYPE_CODES: { readonly [D in DType]: number } = {
  float32: 0,
  int32: 1,
  int64: 2,
  uint8: 3,
  bool: 3,
};

const NO_VALUES: Float32Array = new Float32Array(0);

/** Options of {@link encodeUpdate}. */
export interface EncodeUpdateOptions {
  /** Of the state that the update is for. */
  readonly layout: StateLayout;
  /**
   * The bits of all parameters before the update. With them a `float32` update travels as
   * `float32Xor` where that takes fewer bytes, and is decoded as such.
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
  const sent: Update =
    words === null ? update : { ...update, valueType: "float32Xor", values: words };
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

function writeBuffers(writer: ByteWriter, buffers: readonly BufferChange[]): void {
  writer.varint(buffers.length);
  for (const { tensor, data } of buffers) {
    writer.varint(tensor);
    writer.u8(DTYPE_CODES[dtypeOf(data)]);
    writer.varint(data.length);
    writer.raw(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

function readBuffers(reader: ByteReader): readonly BufferChange[] {
  const count = reader.varint(TENSORS_MAX, "number of buffers");
  if (count === 0) throw corrupt("buffers are flagged, and none is there");
  const buffers: BufferChange[] = [];
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const tensor = reader.varint(TENSORS_MAX - 1, "buffer position");
    if (tensor <= previous) throw corrupt(`buffer ${tensor} comes after buffer ${previous}`);
    previous = tensor;
    const code = reader.u8();
    const dtype = dtypeOfCode(code);
    if (dtype === undefined) throw corrupt(`dtype ${code} of buffer ${tensor} is unknown`);
    const length = reader.varint(reader.remaining, "length of a buffer");
    const data = new Uint8Array(reader.raw(length * bytesPerElement(dtype)));
    buffers.push({ tensor, data: viewOf(dtype, data.buffer, 0, length) });
  }
  return buffers;
}

function dtypeOfCode(code: number): DType | undefined {
  const dtypes: readonly DType[] = ["float32", "int32", "int64", "uint8"];
  return dtypes.find((dtype) => DTYPE_CODES[dtype] === code);
}

function dtypeOf(data: BufferChange["data"]): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  return "uint8";
}
