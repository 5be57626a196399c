/**
 * Optimizer state as bytes, exact to the last bit:
 *
 *   "EFOP" | version u16 | zero u16 | header length u32 | header (JSON) | padding to 4 | slots | CRC-32
 *
 * Numbers are little-endian. The header names the optimizer, its step, the length of the slots and
 * their names, so the bytes can be read without knowing what wrote them. The checksum covers all
 * bytes before it.
 */
import { crc32 } from "@everfresh/core";
import { CheckpointMismatchError, CorruptCheckpointError } from "../errors.ts";
import type { Optimizer, OptimizerState } from "./optimizer.ts";

const MAGIC = 0x504f_4645; // "EFOP" read as a little-endian word
const FORMAT_VERSION = 1;
const FIXED_BYTES = 12; // magic, version, zero, header length
const CHECKSUM_BYTES = 4;

interface Header {
  readonly kind: string;
  readonly step: number;
  readonly parameterCount: number;
  readonly slots: readonly string[];
}

/** The state of `optimizer` as self-describing bytes; {@link decodeOptimizerState} restores it. */
export function encodeOptimizerState(
  optimizer: Optimizer,
  state: OptimizerState,
  parameterCount: number,
): Uint8Array {
  const header: Header = {
    kind: optimizer.kind,
    step: state.step,
    parameterCount,
    slots: optimizer.slots,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = alignTo4(FIXED_BYTES + text.length);
  const end = start + 4 * parameterCount * state.slots.length;
  const bytes = new Uint8Array(end + CHECKSUM_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FORMAT_VERSION, true);
  view.setUint32(8, text.length, true);
  bytes.set(text, FIXED_BYTES);
  // Copied as words: a copy as floats may change the bits of a NaN.
  state.slots.forEach((slot, i) => {
    const words = new Uint32Array(slot.buffer, slot.byteOffset, parameterCount);
    new Uint32Array(bytes.buffer, start + 4 * parameterCount * i, parameterCount).set(words);
  });
  view.setUint32(end, crc32(bytes.subarray(0, end)), true);
  return bytes;
}

/**
 * Writes stored bytes back into `state`, which must be of the same optimizer and size.
 * @throws CorruptCheckpointError when the bytes are damaged
 * @throws CheckpointMismatchError when they belong to another optimizer or another model
 */
export function decodeOptimizerState(
  bytes: Uint8Array,
  optimizer: Optimizer,
  state: OptimizerState,
  parameterCount: number,
): void {
  const { header, start, end } = readHeader(bytes);
  expectSame("optimizer", optimizer.kind, header.kind);
  expectSame("optimizer vectors", optimizer.slots.join(" "), header.slots.join(" "));
  expectSame("parameters", parameterCount, header.parameterCount);
  if (end - start !== 4 * parameterCount * header.slots.length) {
    throw new CorruptCheckpointError(`${end - start} bytes of optimizer vectors`);
  }
  // A copy of its own is aligned whatever the offset of `bytes` in its buffer.
  const words = new Uint32Array(bytes.slice(start, end).buffer);
  state.slots.forEach((slot, i) => {
    const target = new Uint32Array(slot.buffer, slot.byteOffset, parameterCount);
    target.set(words.subarray(parameterCount * i, parameterCount * (i + 1)));
  });
  state.step = header.step;
}

function readHeader(bytes: Uint8Array): { header: Header; start: number; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < FIXED_BYTES) throw new CorruptCheckpointError(`only ${bytes.length} optimizer bytes`);
  if (view.getUint32(0, true) !== MAGIC) {
    throw new CorruptCheckpointError("the optimizer bytes do not begin with EFOP");
  }
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) {
    throw new CorruptCheckpointError("the checksum of the optimizer bytes is wrong");
  }
  const version = view.getUint16(4, true);
  if (version !== FORMAT_VERSION) {
    throw new CheckpointMismatchError("optimizer format version", FORMAT_VERSION, version);
  }
  const textEnd = FIXED_BYTES + view.getUint32(8, true);
  const start = alignTo4(textEnd);
  if (start > end) throw new CorruptCheckpointError("the optimizer header is too long");
  return { header: parseHeader(bytes.subarray(FIXED_BYTES, textEnd)), start, end };
}

function parseHeader(text: Uint8Array): Header {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(text));
  } catch {
    throw new CorruptCheckpointError("the optimizer header is not JSON");
  }
  if (!isHeader(parsed)) throw new CorruptCheckpointError("the optimizer header lacks fields");
  return parsed;
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== "object" || value === null) return false;
  const { kind, step, parameterCount, slots } = value as Partial<Record<keyof Header, unknown>>;
  return (
    typeof kind === "string" &&
    Number.isSafeInteger(step) &&
    Number(step) >= 0 &&
    Number.isSafeInteger(parameterCount) &&
    Array.isArray(slots) &&
    slots.every((slot) => typeof slot === "string")
  );
}

function expectSame<T extends string | number>(what: string, expected: T, actual: T): void {
  if (expected !== actual) throw new CheckpointMismatchError(what, expected, actual);
}

function alignTo4(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
