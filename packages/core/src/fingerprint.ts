/**
 * The 128-bit fingerprint of a whole state, which an update changes in O(entries it changes).
 *
 *   F_j(state) = layoutHash_j + Σ over all words i of mix_j(i, bits_i)   (mod 2³²),  j = 0..3
 *
 * A word is the raw bits of one element (an int64 element is two words, low half first), `i` its
 * index in the canonical order of the layout. The four lanes use independent constants. A sum can
 * be changed at one place by subtracting the old term and adding the new one; that is all an update
 * does. It detects faults, not attackers.
 */
import { bytesPerElement } from "./dtype.ts";
import type { ModelState, StateLayout, StateTensor } from "./state.ts";

/** Four 32-bit lanes as 32 hexadecimal digits. */
export type Fingerprint = string;

/** The sum while it is being computed: four unsigned 32-bit lanes. */
export type FingerprintLanes = Uint32Array;

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Subtracts (`sign` −1) or adds (`sign` 1) the terms of words: `bits[i]` at `indices[i]`. */
export function accumulateWords(
  lanes: FingerprintLanes,
  indices: Uint32Array,
  bits: Uint32Array,
  sign: 1 | -1,
): void {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? 0;
    const word = bits[i] ?? 0;
    a = (a + mix0(index, word)) | 0;
    b = (b + mix1(index, word)) | 0;
    c = (c + mix2(index, word)) | 0;
    d = (d + mix3(index, word)) | 0;
  }
  addToLanes(lanes, sign, a, b, c, d);
}

/** The fingerprint of a whole state, computed from every word: O(size of the state). */
export function fingerprintOf(state: ModelState): Fingerprint {
  const lanes = layoutLanes(state.layout);
  for (const entry of state.layout.tensors) accumulateTensor(lanes, state, entry, 1);
  return formatFingerprint(lanes);
}

/** Subtracts or adds the terms of all words of one tensor. */
export function accumulateTensor(
  lanes: FingerprintLanes,
  state: ModelState,
  entry: StateTensor,
  sign: 1 | -1,
): void {
  accumulateSlice(lanes, state, entry, { from: 0, to: wordCountOf(entry) }, sign);
}

/** How many words a tensor has. */
export function wordCountOf({ dtype, length }: StateTensor): number {
  const bytes = bytesPerElement(dtype);
  return bytes >= 4 ? (length * bytes) / 4 : length;
}

/** Subtracts or adds the terms of the words `from` to `to` − 1 of one tensor. */
export function accumulateSlice(
  lanes: FingerprintLanes,
  state: ModelState,
  entry: StateTensor,
  { from, to }: { readonly from: number; readonly to: number },
  sign: 1 | -1,
): void {
  const words = wordsOf(state.buffer, entry);
  const start = entry.wordOffset;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = from; i < to; i++) {
    const bits = words[i] ?? 0;
    a = (a + mix0(start + i, bits)) | 0;
    b = (b + mix1(start + i, bits)) | 0;
    c = (c + mix2(start + i, bits)) | 0;
    d = (d + mix3(start + i, bits)) | 0;
  }
  addToLanes(lanes, sign, a, b, c, d);
}

function addToLanes(
  lanes: FingerprintLanes,
  sign: 1 | -1,
  ...[a, b, c, d]: readonly [a: number, b: number, c: number, d: number]
): void {
  lanes[0] = (lanes[0] ?? 0) + sign * a;
  lanes[1] = (lanes[1] ?? 0) + sign * b;
  lanes[2] = (lanes[2] ?? 0) + sign * c;
  lanes[3] = (lanes[3] ?? 0) + sign * d;
}

/** The lanes of a fingerprint in hexadecimal. */
export function formatFingerprint(lanes: FingerprintLanes): Fingerprint {
  return Array.from(lanes, (lane) => lane.toString(16).padStart(8, "0")).join("");
}

/** The lanes that a hexadecimal fingerprint stands for. */
export function parseFingerprint(fingerprint: Fingerprint): FingerprintLanes {
  if (!/^[0-9a-f]{32}$/.test(fingerprint)) {
    throw new TypeError(`"${fingerprint}" is not a fingerprint: 32 hexadecimal digits are`);
  }
  return Uint32Array.from([0, 8, 16, 24], (at) =>
    Number.parseInt(fingerprint.slice(at, at + 8), 16),
  );
}

/**
 * The raw bits of a tensor's elements as unsigned words: a view for 4 and 8 byte elements, bytes
 * otherwise.
 */
function wordsOf(buffer: ArrayBufferLike, entry: StateTensor): Uint32Array | Uint8Array {
  return bytesPerElement(entry.dtype) >= 4
    ? new Uint32Array(buffer, entry.byteOffset, wordCountOf(entry))
    : new Uint8Array(buffer, entry.byteOffset, entry.length);
}

/** Where the sum starts: four FNV-1a hashes of the layout's names, roles, dtypes and shapes. */
export function layoutLanes(layout: StateLayout): FingerprintLanes {
  const text = layout.tensors
    .map(({ name, role, dtype, shape }) => JSON.stringify([name, role, dtype, shape]))
    .join("\n");
  const bytes = new TextEncoder().encode(text);
  return Uint32Array.from([0, 1, 2, 3], (lane) => {
    let hash = FNV_OFFSET_BASIS + lane;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
    return mix0(lane, hash) >>> 0;
  });
}

// Each lane: three rounds of multiply and xor-shift over the bits, the index entering after the
// first. Two more rounds follow the index because the terms are summed: with one, the rest is so
// nearly linear that swapping two values left a lane as it was in one of 2¹³ cases. Now it is about
// one of 2³². The odd multipliers are those of MurmurHash3, xxHash32 and Knuth's golden ratio.
function mix0(index: number, bits: number): number {
  let h = Math.imul(bits ^ 0x243f6a88, 0x85ebca6b);
  h = Math.imul((h ^ (h >>> 15)) + Math.imul(index, 0x9e3779b1), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13), 0x27d4eb2f);
  return h ^ (h >>> 16);
}

function mix1(index: number, bits: number): number {
  let h = Math.imul(bits ^ 0x85a308d3, 0xc2b2ae3d);
  h = Math.imul((h ^ (h >>> 14)) + Math.imul(index, 0x85ebca77), 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 16), 0x165667b1);
  return h ^ (h >>> 15);
}

function mix2(index: number, bits: number): number {
  let h = Math.imul(bits ^ 0x13198a2e, 0x165667b1);
  h = Math.imul((h ^ (h >>> 16)) + Math.imul(index, 0xcc9e2d51), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
  return h ^ (h >>> 13);
}

function mix3(index: number, bits: number): number {
  let h = Math.imul(bits ^ 0x03707344, 0x1b873593);
  h = Math.imul((h ^ (h >>> 13)) + Math.imul(index, 0xe6546b65), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 14), 0xc2b2ae3d);
  return h ^ (h >>> 16);
}
