/**
 * The binary form of an update, format version 1; SPEC.md section 2 says it byte by byte.
 *
 *   "EU" 01 │ flags │ from │ to−from−1 │ before │ after │ n │ indices │ values │ buffers │ CRC-32
 *     3        1     varint   varint      16      16  varint  coded   n·2, n·4   ...       4
 */
import {
  type BufferChange,
  bytesPerElement,
  type DType,
  FLOAT16_MAX,
  fromFloat16Bits,
  isSendable,
  ShapeError,
  toFloat16Bits,
  type Update,
  ValueRangeError,
  type ValueType,
  viewOf,
} from "@everfresh/core";

import { CorruptUpdateError } from "../errors.ts";
import { type ByteReader, type FormatHead, openChecked } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import {
  codeOfCoding,
  codingOfCode,
  readIndices,
  smallestCoding,
  writeIndices,
} from "./index-coding.ts";

/** Most parameters that a state may have: 8 GiB of float32, and indices stay within 31 bits. */
export const PARAMETERS_MAX: number = 2 ** 31;

/** Most tensors that a state may have: far above any model, far below trouble. */
export const TENSORS_MAX = 65_536;

const HEAD: FormatHead = { what: "Update", magic: "EU", version: 1 };

interface ValueRule {
  /** The code in the low bits of the flags. */
  readonly code: number;
  /** Bytes of one value. */
  readonly bytes: number;
}

const VALUE_TYPES: { readonly [T in ValueType]: ValueRule } = {
  float32: { code: 0, bytes: 4 },
  float16: { code: 1, bytes: 2 },
};

// uint8 and bool are the same bytes in the same typed array, so they share a code.
const DTYPE_CODES: { readonly [D in DType]: number } = {
  float32: 0,
  int32: 1,
  int64: 2,
  uint8: 3,
  bool: 3,
};

/** Options of {@link decodeUpdate}. */
export interface DecodeUpdateOptions {
  /** How many parameters the state has; indices must be below. @default PARAMETERS_MAX */
  readonly parameterCount?: number;
}

/**
 * The bytes of an update: the smallest of the index codings, values as `valueType` says.
 * @throws ShapeError when indices do not ascend, or counts do not fit together
 * @throws ValueRangeError for a value that is not finite or not exactly representable
 */
export function encodeUpdate(update: Update): Uint8Array {
  checkUpdate(update);
  const { valueType, indices, buffers } = update;
  const coding = smallestCoding(indices);
  const writer = new ByteWriter(64 + indices.length * 7);
  writer.raw(new TextEncoder().encode(HEAD.magic));
  writer.u8(HEAD.version);
  writer.u8(VALUE_TYPES[valueType].code | (codeOfCoding(coding) << 4));
  writer.varint(update.fromVersion);
  writer.varint(update.toVersion - update.fromVersion - 1);
  writer.fingerprint(update.fingerprintBefore);
  writer.fingerprint(update.fingerprintAfter);
  writer.varint(indices.length);
  writeIndices(writer, indices, coding);
  writeValues(writer, update);
  writer.varint(buffers.length);
  for (const { tensor, data } of buffers) {
    writer.varint(tensor);
    writer.u8(DTYPE_CODES[dtypeOf(data)]);
    writer.varint(data.length);
    writer.raw(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return writer.finishWithCrc().slice();
}

/**
 * The update that `bytes` stand for, with its own memory. Memory used is at most four times the
 * length of `bytes`, whatever they say.
 * @throws UnsupportedFormatError for another format version
 * @throws CorruptUpdateError for anything else that {@link encodeUpdate} would not have written
 */
export function decodeUpdate(bytes: Uint8Array, options: DecodeUpdateOptions = {}): Update {
  const limit = options.parameterCount ?? PARAMETERS_MAX;
  const reader = openChecked(bytes, HEAD, fail);
  const flags = reader.u8();
  const valueType = valueTypeOfCode(flags & 15);
  const coding = codingOfCode(flags >>> 4);
  if (valueType === undefined || coding === undefined) throw fail(`flags ${flags} are unknown`);
  const fromVersion = reader.varint(Number.MAX_SAFE_INTEGER - 1, "from-version");
  const toVersion =
    fromVersion + 1 + reader.varint(Number.MAX_SAFE_INTEGER - 1 - fromVersion, "to-version");
  const fingerprintBefore = reader.fingerprint();
  const fingerprintAfter = reader.fingerprint();
  const count = reader.varint(limit, "number of entries");
  if (count * VALUE_TYPES[valueType].bytes > reader.remaining) {
    throw fail(`${count} entries do not fit into ${reader.remaining} bytes`);
  }
  const indices = readIndices(reader, fail, { coding, count, limit });
  const values = readValues(reader, valueType, count);
  const buffers = readBuffers(reader);
  reader.end();
  return {
    fromVersion,
    toVersion,
    fingerprintBefore,
    fingerprintAfter,
    valueType,
    indices,
    values,
    buffers,
  };
}

function fail(reason: string): CorruptUpdateError {
  return new CorruptUpdateError(reason);
}

function checkUpdate({ fromVersion, toVersion, valueType, indices, values }: Update): void {
  if (!Number.isSafeInteger(fromVersion) || !Number.isSafeInteger(toVersion)) {
    throw new ShapeError(`Update versions ${fromVersion} and ${toVersion} must be whole numbers`);
  }
  if (fromVersion < 0 || toVersion <= fromVersion) {
    throw new ShapeError(`Update must lead forward, not from ${fromVersion} to ${toVersion}`);
  }
  if (indices.length !== values.length) {
    throw new ShapeError(`Update has ${indices.length} indices and ${values.length} values`);
  }
  let previous = -1;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? 0;
    const value = values[i] ?? 0;
    if (index <= previous || index >= PARAMETERS_MAX) {
      throw new ShapeError(`Update index ${index} after ${previous}: indices ascend below 2^31`);
    }
    if (!isExact(valueType, value)) {
      throw new ValueRangeError(`Update value ${value} at ${index} is not a ${valueType}`);
    }
    previous = index;
  }
}

function isExact(valueType: ValueType, value: number): boolean {
  if (!isSendable(valueType, value)) return false;
  return valueType === "float32" || fromFloat16Bits(toFloat16Bits(value)) === value;
}

function writeValues(writer: ByteWriter, { valueType, values }: Update): void {
  if (valueType === "float16") {
    for (const value of values) writer.u16(toFloat16Bits(value));
    return;
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (const word of bits) writer.u32(word);
}

function readValues(reader: ByteReader, valueType: ValueType, count: number): Float32Array {
  const bytes = reader.raw(count * VALUE_TYPES[valueType].bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = new Float32Array(count);
  if (valueType === "float16") {
    for (let i = 0; i < count; i++) values[i] = fromFloat16Bits(view.getUint16(i * 2, true));
  } else {
    for (let i = 0; i < count; i++) values[i] = view.getFloat32(i * 4, true);
  }
  for (const value of values) {
    if (!isSendable(valueType, value)) {
      throw fail(`value ${value} is not within ±${FLOAT16_MAX} or not finite`);
    }
  }
  return values;
}

function readBuffers(reader: ByteReader): readonly BufferChange[] {
  const count = reader.varint(TENSORS_MAX, "number of buffers");
  const buffers: BufferChange[] = [];
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const tensor = reader.varint(TENSORS_MAX - 1, "buffer position");
    if (tensor <= previous) throw fail(`buffer ${tensor} comes after buffer ${previous}`);
    previous = tensor;
    const code = reader.u8();
    const dtype = dtypeOfCode(code);
    if (dtype === undefined) throw fail(`dtype ${code} of buffer ${tensor} is unknown`);
    const length = reader.varint(reader.remaining, "length of a buffer");
    const data = reader.raw(length * bytesPerElement(dtype)).slice();
    buffers.push({ tensor, data: viewOf(dtype, data.buffer, 0, length) });
  }
  return buffers;
}

function valueTypeOfCode(code: number): ValueType | undefined {
  const types: readonly ValueType[] = ["float32", "float16"];
  return types.find((type) => VALUE_TYPES[type].code === code);
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
