/**
 * What training by sparse gradients remembers beside θ, as bytes:
 *
 *   "EFGM" │ header length, u32 │ header, JSON, filled up with spaces │ the vectors, float32
 *
 * Numbers are little-endian; the vectors start at a multiple of 4.
 */
import type { RandomPosition } from "@everfresh/core";
import { CorruptCheckpointError, type TrainingCheckpoint } from "@everfresh/engine";
import { ResumeMismatchError } from "../errors.ts";
import type { GradientSpec } from "./gradient-spec.ts";

const MAGIC = 0x4d474645;
const HEADER_AT = 8;
const FORMAT = 1;

/** All that the next step depends on beside θ and the gradient. */
export interface GradientMemory {
  /** Steps made. */
  step: number;
  /** The residual; for deep gradient compression after the momentum. */
  readonly vectors: readonly Float32Array[];
  readonly random: RandomPosition;
}

interface Header {
  readonly format: number;
  readonly kind: GradientSpec["kind"];
  readonly step: number;
  readonly random: RandomPosition;
}

/** Whether what a checkpoint has in the place of an optimizer is a memory of gradients. */
export function holdsGradients({ optimizer }: TrainingCheckpoint): boolean {
  const { buffer, byteOffset, byteLength } = optimizer;
  return byteLength >= HEADER_AT && new DataView(buffer, byteOffset).getUint32(0, true) === MAGIC;
}

/** The bytes of a memory: a copy. */
export function encodeMemory(kind: GradientSpec["kind"], memory: GradientMemory): Uint8Array {
  const { step, random, vectors } = memory;
  const header: Header = { format: FORMAT, kind, step, random };
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 4) * 4));
  const vectorBytes = vectors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = new Uint8Array(HEADER_AT + text.length + vectorBytes);
  new DataView(bytes.buffer).setUint32(0, MAGIC, true);
  new DataView(bytes.buffer).setUint32(4, text.length, true);
  bytes.set(text, HEADER_AT);
  let at = HEADER_AT + text.length;
  for (const { buffer, byteOffset, byteLength } of vectors) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

/**
 * Reads a memory into `vectors`.
 * @throws CorruptCheckpointError for bytes that {@link encodeMemory} did not write
 * @throws ResumeMismatchError for the memory of another kind, or of another number of parameters
 */
export function decodeMemory(
  kind: GradientSpec["kind"],
  bytes: Uint8Array,
  vectors: readonly Float32Array[],
): Omit<GradientMemory, "vectors"> {
  const { header, end } = readHeader(bytes);
  if (header.kind !== kind) {
    throw new ResumeMismatchError("the kind of gradient compression", header.kind, kind);
  }
  const expected = vectors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (bytes.length - end !== expected) {
    throw new ResumeMismatchError("the length of its memory", bytes.length - end, expected);
  }
  let at = end;
  for (const { buffer, byteOffset, byteLength } of vectors) {
    new Uint8Array(buffer, byteOffset, byteLength).set(bytes.subarray(at, at + byteLength));
    at += byteLength;
  }
  return { step: header.step, random: header.random };
}

function readHeader(bytes: Uint8Array): { readonly header: Header; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_AT || view.getUint32(0, true) !== MAGIC) {
    throw new CorruptCheckpointError("the gradient memory does not start as one does");
  }
  const end = HEADER_AT + view.getUint32(4, true);
  if (end > bytes.length)
    throw new CorruptCheckpointError("the gradient memory ends in its header");
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_AT, end))) as Header;
  } catch {
    throw new CorruptCheckpointError("the header of the gradient memory is no JSON");
  }
  if (header.format !== FORMAT)
    throw new CorruptCheckpointError(`the gradient memory has format ${header.format}`);
  return { header, end };
}
