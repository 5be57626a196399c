/**
 * The buffers of an update: what becomes of all elements of each, as their bits are. Float32 numbers
 * travel in few bytes where they are coarse, as rounded statistics are: whole multiples of a power of
 * two, or of bfloat16's precision, with lower halves of 0.
 */
import {
  type BufferChange,
  bytesPerElement,
  type DType,
  type StateLayout,
  viewOf,
} from "@everfresh/core";

import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { planMultiples, readMultiples, writeMultiples } from "./float-multiples.ts";
import { TENSORS_MAX } from "./limits.ts";
import { corrupt } from "./update-header.ts";

type BufferCoding = "float32" | "int32" | "int64" | "uint8" | "upperHalves" | "multiples";

/** uint8 and bool are the same bytes in the same typed array, so they share a code. */
const CODES: { readonly [C in BufferCoding]: number } = {
  float32: 0,
  int32: 1,
  int64: 2,
  uint8: 3,
  upperHalves: 4,
  multiples: 5,
};

const CODINGS = ["float32", "int32", "int64", "uint8", "upperHalves", "multiples"] as const;

/** Beside the code: the data are added to what is there. */
const ADDS = 8;

const IS_FLOAT: { readonly [C in BufferCoding]: boolean } = {
  float32: true,
  int32: false,
  int64: false,
  uint8: false,
  upperHalves: true,
  multiples: true,
};

/**
 * The same changes, but float32 buffers are added to where that takes fewer bytes and comes to the same
 * bits. Without the words of all the state nothing is.
 * @param base words of the state before
 */
export function sumsIfSmaller(
  buffers: readonly BufferChange[],
  { tensors, byteLength }: StateLayout,
  base: Uint32Array,
): readonly BufferChange[] {
  if (base.byteLength < byteLength) return buffers;
  return buffers.map((change) => {
    const { tensor, data, adds = false } = change;
    const entry = tensors[tensor];
    if (adds || !(data instanceof Float32Array) || entry?.length !== data.length) return change;
    const old = new Float32Array(base.buffer, base.byteOffset + entry.byteOffset, data.length);
    const added = data.map((value, i) => value - (old[i] ?? 0));
    const isExact = data.every((value, i) => {
      return (
        Number.isFinite(value) && Object.is(Math.fround((old[i] ?? 0) + (added[i] ?? 0)), value)
      );
    });
    if (!isExact || smallestForm(added).bytes >= smallestForm(data).bytes) return change;
    return { tensor, data: added, adds: true };
  });
}

/** Writes the buffers of an update that has some. */
export function writeBuffers(writer: ByteWriter, buffers: readonly BufferChange[]): void {
  writer.varint(buffers.length);
  for (const { tensor, data, adds = false } of buffers) {
    const { coding, write } = smallestForm(data);
    writer.varint(tensor);
    writer.u8(CODES[coding] | (adds ? ADDS : 0));
    writer.varint(data.length);
    write(writer);
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
    const adds = (code & ADDS) !== 0;
    const coding = CODINGS.find((candidate) => CODES[candidate] === (code & ~ADDS));
    if (coding === undefined || (adds && !IS_FLOAT[coding])) {
      throw corrupt(`form ${code} of buffer ${tensor} is unknown`);
    }
    const length = reader.varint(reader.remaining * 8, "length of a buffer");
    const data = readData(reader, coding, length);
    buffers.push(adds ? { tensor, data, adds } : { tensor, data });
  }
  return buffers;
}

function readData(reader: ByteReader, coding: BufferCoding, length: number): BufferChange["data"] {
  if (coding === "multiples") return readMultiples(reader, corrupt, length);
  if (coding !== "upperHalves") {
    const data = new Uint8Array(reader.raw(length * bytesPerElement(coding)));
    return viewOf(coding, data.buffer, 0, length);
  }
  const halves = new Uint16Array(new Uint8Array(reader.raw(2 * length)).buffer);
  const words = Uint32Array.from(halves, (half) => half * 65_536);
  // Words, never numbers: what is no number must stay as it is.
  return new Float32Array(words.buffer);
}

interface BufferForm {
  readonly coding: BufferCoding;
  readonly bytes: number;
  readonly write: (writer: ByteWriter) => void;
}

/** The form with the fewest bytes; of equals the one with the lowest code. */
function smallestForm(data: BufferChange["data"]): BufferForm {
  const dtype = dtypeOf(data);
  const whole: BufferForm = {
    coding: dtype,
    bytes: data.byteLength,
    write: (writer) => writer.raw(bytesOf(data)),
  };
  if (!(data instanceof Float32Array) || data.length === 0) return whole;
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const isHalf = words.every((word) => (word & 0xffff) === 0);
  const plain: BufferForm = isHalf
    ? {
        coding: "upperHalves",
        bytes: 2 * data.length,
        write: (writer) => writer.raw(upperHalvesOf(words)),
      }
    : whole;
  const plan = planMultiples(data);
  if (plan === null || plan.bytes >= plain.bytes) return plain;
  const { bytes } = plan;
  return { coding: "multiples", bytes, write: (writer) => writeMultiples(writer, plan) };
}

function upperHalvesOf(words: Uint32Array): Uint8Array {
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
