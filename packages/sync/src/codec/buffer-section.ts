/**
 * The buffers of an update: whole, and as their bits are. What travels in few bytes are float32
 * numbers that have bfloat16's precision, as estimated statistics may: their lower halves are 0.
 */
import { type BufferChange, bytesPerElement, type DType, viewOf } from "@everfresh/core";

import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { TENSORS_MAX } from "./limits.ts";
import { corrupt } from "./update-header.ts";

type BufferCoding = "float32" | "int32" | "int64" | "uint8" | "upperHalves";

/** uint8 and bool are the same bytes in the same typed array, so they share a code. */
const CODES: { readonly [C in BufferCoding]: number } = {
  float32: 0,
  int32: 1,
  int64: 2,
  uint8: 3,
  upperHalves: 4,
};

const CODINGS = ["float32", "int32", "int64", "uint8", "upperHalves"] as const;

/** Writes the buffers of an update that has some. */
export function writeBuffers(writer: ByteWriter, buffers: readonly BufferChange[]): void {
  writer.varint(buffers.length);
  for (const { tensor, data } of buffers) {
    const coding = codingFor(data);
    writer.varint(tensor);
    writer.u8(CODES[coding]);
    writer.varint(data.length);
    writer.raw(coding === "upperHalves" ? upperHalvesOf(data) : bytesOf(data));
  }
}

/** Reads the buffers of an update that is said to have some. */
export function readBuffers(reader: ByteReader): readonly BufferChange[] {
  const count = reader.varint(TENSORS_MAX, "number of buffers");
  if (count === 0) throw corrupt("buffers are flagged, and none is there");
  const buffers: BufferChange[] = [];
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const tensor = reader.varint(TENSORS_MAX - 1, "buffer position");
    if (tensor <= previous) throw corrupt(`buffer ${tensor} comes after buffer ${previous}`);
    previous = tensor;
    const code = reader.u8();
    const coding = CODINGS.find((candidate) => CODES[candidate] === code);
    if (coding === undefined) throw corrupt(`dtype ${code} of buffer ${tensor} is unknown`);
    const length = reader.varint(reader.remaining, "length of a buffer");
    buffers.push({ tensor, data: readData(reader, coding, length) });
  }
  return buffers;
}

function readData(reader: ByteReader, coding: BufferCoding, length: number): BufferChange["data"] {
  if (coding !== "upperHalves") {
    const data = new Uint8Array(reader.raw(length * bytesPerElement(coding)));
    return viewOf(coding, data.buffer, 0, length);
  }
  const halves = new Uint16Array(new Uint8Array(reader.raw(2 * length)).buffer);
  const words = Uint32Array.from(halves, (half) => half * 65_536);
  // Words, never numbers: what is no number must stay as it is.
  return new Float32Array(words.buffer);
}

function codingFor(data: BufferChange["data"]): BufferCoding {
  const dtype = dtypeOf(data);
  if (dtype !== "float32" || data.length === 0) return dtype;
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  return words.every((word) => (word & 0xffff) === 0) ? "upperHalves" : dtype;
}

function upperHalvesOf(data: BufferChange["data"]): Uint8Array {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  return bytesOf(Uint16Array.from(words, (word) => word >>> 16));
}

function dtypeOf(data: BufferChange["data"]): Exclude<DType, "bool"> {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  return "uint8";
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
