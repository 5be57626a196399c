/**
 * Tensors by name in the safetensors format (https://github.com/huggingface/safetensors):
 *
 *   header length, u64 │ header, JSON, padded with spaces to 8 bytes │ elements of all tensors
 *
 * The header maps each name to `{ dtype, shape, data_offsets: [begin, end] }`, counted from the end of
 * the header, and `__metadata__` to texts by name. The tensors cover their part of the file exactly.
 * Everything is little-endian.
 */
import {
  bytesPerElement,
  dataOf,
  type DType,
  type ModelState,
  type Tensor,
  viewOf,
} from "@everfresh/core";
import { InvalidSafetensorsError } from "../errors.ts";
import { readSafetensorsHeader, type TensorPlace } from "./safetensors-header.ts";

/** Name of the entry that is no tensor. */
const METADATA = "__metadata__";
const ALIGNMENT = 8;

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** In the order of their places in the file. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const NAMES: { readonly [D in DType]: string } = {
  float32: "F32",
  int32: "I32",
  int64: "I64",
  uint8: "U8",
  bool: "BOOL",
};

/**
 * A state as a safetensors file; tensors with wider elements come first, so that all are aligned.
 * Equal states and metadata give equal bytes.
 * @throws InvalidSafetensorsError when a tensor has the name that the format keeps for metadata
 */
export function encodeSafetensors(
  state: ModelState,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = state.layout.tensors.toSorted(
    (a, b) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype),
  );
  const places: [string, unknown][] = [];
  let end = 0;
  for (const { name, dtype, shape, length } of entries) {
    if (name === METADATA) throw new InvalidSafetensorsError(`no tensor may be named "${name}"`);
    const begin = end;
    end += length * bytesPerElement(dtype);
    places.push([name, { dtype: NAMES[dtype], shape, data_offsets: [begin, end] }]);
  }
  const described: [string, unknown][] =
    Object.keys(metadata).length === 0 ? places : [[METADATA, metadata], ...places];
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(described)));
  const start = 8 + Math.ceil(header.length / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length, start);
  let at = start;
  for (const entry of entries) {
    // Bytes, because a copy as floats may change the bits of a NaN.
    const { buffer, byteOffset, byteLength } = dataOf(state, entry);
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

/**
 * Reads a safetensors file. Tensors are views on `bytes` where alignment allows, else copies; nothing
 * is allocated on the word of the header.
 * @throws InvalidSafetensorsError when the bytes are not a safetensors file or are damaged
 * @throws ModelDTypeError for an element type that Everfresh does not compute with
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { places, metadata, dataAt } = readSafetensorsHeader(bytes);
  return {
    metadata,
    tensors: new Map(places.map((place) => [place.name, tensorAt(bytes, dataAt, place)])),
  };
}

function tensorAt(bytes: Uint8Array, dataAt: number, place: TensorPlace): Tensor {
  const { dtype, shape, begin, end } = place;
  const elementBytes = bytesPerElement(dtype);
  const part = bytes.subarray(dataAt + begin, dataAt + end);
  // Not slice(): on Node's Buffer that would be a view again.
  const aligned = part.byteOffset % elementBytes === 0 ? part : new Uint8Array(part);
  const length = part.byteLength / elementBytes;
  return { dtype, shape, data: viewOf(dtype, aligned.buffer, aligned.byteOffset, length) };
}
