/**
 * Rice codes for ascending indices (R. F. Rice, JPL 79-22, 1979). An index travels as the gap to
 * the one before it, and a gap g as ⌊g / 2^p⌋ one bits, a zero bit, and the p low bits of g; bits
 * fill bytes from the least significant one on.
 *
 *   gap_0 = index_0,   gap_i = index_i − index_{i−1} − 1
 *   bits(p) = Σ_i (⌊gap_i / 2^p⌋ + 1 + p)
 *
 * With p = 0 this is a bitmap. For random positions with a large mean gap m, and x = 2^p / m, an
 * entry costs log2 x + 1 / (1 − e^−x) − log2 e bits above its entropy: 0.03 to 0.12 for the best p.
 */
import type { ByteReader, Failure } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** Largest Rice parameter: the low bits of a 32-bit index. */
export const RICE_PARAMETER_MAX = 31;

/** A Rice parameter and what it costs. */
interface RiceChoice {
  readonly parameter: number;
  /** Bytes of the coded gaps, the last one padded with zero bits. */
  readonly bytes: number;
}

/**
 * The parameter that costs least. bits(p) is convex: its difference is n − Σ ⌈⌊gap / 2^p⌋ / 2⌉,
 * which grows with p. So walking downhill from a guess ends at the minimum.
 */
export function bestRice(indices: Uint32Array): RiceChoice {
  const last = indices[indices.length - 1] ?? 0;
  const mean = (last + 1) / indices.length;
  let parameter = Math.min(RICE_PARAMETER_MAX, Math.max(0, Math.floor(Math.log2(mean))));
  let bits = riceBits(indices, parameter);
  for (const direction of [-1, 1]) {
    for (;;) {
      const next = parameter + direction;
      if (next < 0 || next > RICE_PARAMETER_MAX) break;
      const nextBits = riceBits(indices, next);
      if (nextBits >= bits) break;
      parameter = next;
      bits = nextBits;
    }
  }
  return { parameter, bytes: Math.ceil(bits / 8) };
}

function riceBits(indices: Uint32Array, parameter: number): number {
  let bits = indices.length * (1 + parameter);
  let previous = -1;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? 0;
    bits += (index - previous - 1) >>> parameter;
    previous = index;
  }
  return bits;
}

/** Writes the gaps of ascending `indices`. */
export function writeRice(writer: ByteWriter, indices: Uint32Array, parameter: number): void {
  let pending = 0;
  let filled = 0;
  const put = (value: number, count: number): void => {
    pending |= value << filled;
    filled += count;
    for (; filled >= 8; filled -= 8, pending >>>= 8) writer.u8(pending & 0xff);
  };
  let previous = -1;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? 0;
    const gap = index - previous - 1;
    previous = index;
    let quotient = gap >>> parameter;
    for (; quotient >= 16; quotient -= 16) put(0xffff, 16);
    put((1 << quotient) - 1, quotient + 1);
    // In two parts, because at most 7 + 17 bits fit beside each other.
    const low = Math.min(parameter, 16);
    put(gap & ((1 << low) - 1), low);
    if (parameter > 16) put((gap >>> 16) & ((1 << (parameter - 16)) - 1), parameter - 16);
  }
  if (filled > 0) writer.u8(pending);
}

/** Reads `count` (≥ 1) ascending indices below `limit`; the caller has bounded `count`. */
export function readRice(
  reader: ByteReader,
  fail: Failure,
  { count, parameter, limit }: { count: number; parameter: number; limit: number },
): Uint32Array {
  const indices = new Uint32Array(count);
  let pending = 0;
  let filled = 0;
  const bit = (): number => {
    if (filled === 0) {
      pending = reader.u8();
      filled = 8;
    }
    const value = pending & 1;
    pending >>>= 1;
    filled--;
    return value;
  };
  const scale = 2 ** parameter;
  let previous = -1;
  for (let i = 0; i < count; i++) {
    let gap = 0;
    while (bit() === 1) gap += scale;
    for (let place = 0, weight = 1; place < parameter; place++, weight *= 2) gap += bit() * weight;
    previous += gap + 1;
    if (previous >= limit) throw fail(`index ${previous} is not below ${limit}`);
    indices[i] = previous;
  }
  if (pending !== 0) throw fail("padding bits after the indices are not zero");
  return indices;
}
