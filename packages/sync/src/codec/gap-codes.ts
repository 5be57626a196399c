/**
 * Codes for whole numbers from 0 to 2³¹, each good for another distribution of the gaps between
 * ascending positions:
 *
 *   Rice(p):        ⌊g / 2^p⌋ in unary, p low bits                 scattered: geometric gaps
 *   Golomb(M):      ⌊g / M⌋ in unary, g mod M in truncated binary  the same, when M is no power of 2
 *   Exp-Golomb(p):  v = g + 2^p: ⌊log2 v⌋ − p in unary, v without  clustered: small gaps, some huge
 *                   its leading one bit
 *   varint:         groups of 7 bits, each with a bit that says    bounded small gaps, some huge
 *                   whether another one follows
 *
 * Unary: as many one bits, then a zero bit (R. F. Rice, JPL 79-22, 1979; S. W. Golomb, IEEE IT-12,
 * 1966; J. Teuhola, IPL 7, 1978). Whether a code pays is counted in whole bits, without logarithms,
 * so that every machine chooses the same.
 */
import type { BitReader } from "./bit-reader.ts";
import type { BitWriter } from "./bit-writer.ts";

/** Largest parameter of a Rice or Exp-Golomb code. */
const PARAMETER_MAX = 31;

/** A parameter and the bits that a code with it takes. */
export interface CodeChoice {
  readonly parameter: number;
  readonly bits: number;
}

/**
 * What there is to know about many gaps to choose a code: for p = 0 to 31 the sum of ⌊gap / 2^p⌋,
 * then for L = 0 to 32 how many gaps have L bits without leading zeros.
 */
export type GapStatistics = Float64Array;

/** How many gaps have L bits is at this place + L. */
const LENGTHS = 32;

/** Statistics of `count` gaps of 0. */
export function noGaps(count = 0): GapStatistics {
  const statistics = new Float64Array(LENGTHS + 33);
  statistics[LENGTHS] = count;
  return statistics;
}

/** Counts a gap in, or out again. */
export function countGap(statistics: GapStatistics, gap: number, sign: 1 | -1): void {
  let length = 0;
  for (let rest = gap; rest > 0; rest >>>= 1) {
    statistics[length] = (statistics[length] ?? 0) + sign * rest;
    length++;
  }
  statistics[LENGTHS + length] = (statistics[LENGTHS + length] ?? 0) + sign;
}

/** Statistics of all `gaps`. */
export function statisticsOf(gaps: Uint32Array): GapStatistics {
  const statistics = noGaps();
  for (let i = 0; i < gaps.length; i++) countGap(statistics, gaps[i] ?? 0, 1);
  return statistics;
}

/** The best Rice parameter for `count` gaps. */
export function bestRice(statistics: GapStatistics, count: number): CodeChoice {
  let parameter = 0;
  let bits = Infinity;
  for (let p = 0; p <= PARAMETER_MAX; p++) {
    const bitsHere = count * (1 + p) + (statistics[p] ?? 0);
    if (bitsHere >= bits) continue;
    parameter = p;
    bits = bitsHere;
  }
  return { parameter, bits };
}

/** Writes gaps as Rice codes. */
export function writeRice(writer: BitWriter, gaps: Uint32Array, parameter: number): void {
  const mask = parameter === 0 ? 0 : 0xffffffff >>> (32 - parameter);
  for (let i = 0; i < gaps.length; i++) {
    const gap = gaps[i] ?? 0;
    writer.unary(gap >>> parameter);
    writer.bits((gap & mask) >>> 0, parameter);
  }
}

/** Reads one Rice code; more than `max` (or a little more) is refused. */
export function readRice(reader: BitReader, parameter: number, max: number): number {
  const scale = 2 ** parameter;
  return reader.unary(Math.floor(max / scale)) * scale + reader.bits(parameter);
}

/**
 * The divisor that suits the mean gap best, 3 to 2³⁰ and no power of two, and what it takes:
 *
 *   M ≈ ln 2 · (mean gap + 1/2);  a remainder takes c − 1 or c bits, c = ⌈log2 M⌉
 *
 * Null when a Rice code does as well. The bits include the c − 1 that tell M.
 */
export function bestGolomb(gaps: Uint32Array, gapSum: number): (CodeChoice & GolombDivisor) | null {
  const divisor = Math.round(Math.LN2 * (gapSum / gaps.length + 0.5));
  if (divisor < 3 || divisor > 2 ** 30 || (divisor & (divisor - 1)) === 0) return null;
  const width = 32 - Math.clz32(divisor - 1);
  const short = 2 ** width - divisor;
  let bits = width - 1;
  for (let i = 0; i < gaps.length; i++) {
    const gap = gaps[i] ?? 0;
    const quotient = Math.floor(gap / divisor);
    bits += quotient + width + (gap - quotient * divisor < short ? 0 : 1);
  }
  return { parameter: width, bits, divisor };
}

/** The divisor of a Golomb code; its width in bits is the parameter. */
export interface GolombDivisor {
  readonly divisor: number;
}

/** Writes the divisor, then gaps as Golomb codes. */
export function writeGolomb(
  writer: BitWriter,
  gaps: Uint32Array,
  { parameter: width, divisor }: { readonly parameter: number; readonly divisor: number },
): void {
  writer.bits(divisor - 2 ** (width - 1) - 1, width - 1);
  const short = 2 ** width - divisor;
  for (let i = 0; i < gaps.length; i++) {
    const gap = gaps[i] ?? 0;
    const quotient = Math.floor(gap / divisor);
    const remainder = gap - quotient * divisor;
    writer.unary(quotient);
    if (remainder < short) writer.bits(remainder, width - 1);
    else {
      writer.bits((remainder + short) >>> 1, width - 1);
      writer.bits((remainder + short) & 1, 1);
    }
  }
}

/** Reads the divisor of Golomb codes of this width. */
export function readGolombDivisor(reader: BitReader, width: number): number {
  return 2 ** (width - 1) + 1 + reader.bits(width - 1);
}

/** Reads one Golomb code; more than `max` (or a little more) is refused. */
export function readGolomb(reader: BitReader, width: number, divisor: number, max: number): number {
  const short = 2 ** width - divisor;
  const quotient = reader.unary(Math.floor(max / divisor));
  const high = reader.bits(width - 1);
  const remainder = high < short ? high : high * 2 + reader.bits(1) - short;
  return quotient * divisor + remainder;
}

/** Bits of one Exp-Golomb code. */
export function expGolombBits(value: number, parameter: number): number {
  return 2 * (31 - Math.clz32(value + 2 ** parameter)) - parameter + 1;
}

/**
 * The best parameter for `values`, of those from some below their mean's magnitude to it; null when
 * all take more than `limit` bits for certain, because a value of L > p bits takes 2L − p − 1 or more.
 */
export function bestExpGolomb(
  values: Uint32Array,
  statistics: GapStatistics,
  limit: number,
): CodeChoice | null {
  const magnitude = 31 - Math.clz32((statistics[0] ?? 0) / values.length + 1);
  let best: CodeChoice | null = null;
  for (let parameter = Math.max(0, magnitude - 6); parameter <= magnitude; parameter++) {
    let least = 0;
    for (let length = 0; length <= 32; length++) {
      const width = length > parameter ? length - 1 : parameter;
      least += (statistics[LENGTHS + length] ?? 0) * (2 * width - parameter + 1);
    }
    if (least > Math.min(limit, best?.bits ?? Infinity)) continue;
    let bits = values.length * (1 - parameter);
    const offset = 2 ** parameter;
    for (let i = 0; i < values.length; i++)
      bits += 2 * (31 - Math.clz32((values[i] ?? 0) + offset));
    if (best === null || bits < best.bits) best = { parameter, bits };
  }
  return best;
}

/** Writes one Exp-Golomb code. */
export function writeExpGolomb(writer: BitWriter, value: number, parameter: number): void {
  const shifted = value + 2 ** parameter;
  const width = 31 - Math.clz32(shifted);
  writer.unary(width - parameter);
  writer.bits((shifted & ~(1 << width)) >>> 0, width);
}

/** Reads one Exp-Golomb code of a number that a writer can have written: below 2³². */
export function readExpGolomb(reader: BitReader, parameter: number): number {
  const width = parameter + reader.unary(PARAMETER_MAX - parameter);
  return 2 ** width + reader.bits(width) - 2 ** parameter;
}

/** Whole numbers of both signs as those from 0 on: 2d for d ≥ 0, −2d − 1 below. */
export function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1;
}

/** What {@link zigzag} makes `code` of. */
export function unzigzag(code: number): number {
  return code % 2 === 0 ? code / 2 : -(code + 1) / 2;
}

/** Bits of all gaps as varints. */
export function varintBits(statistics: GapStatistics): number {
  let bits = 0;
  for (let length = 0; length <= 32; length++) {
    bits += (statistics[LENGTHS + length] ?? 0) * 8 * Math.max(1, Math.ceil(length / 7));
  }
  return bits;
}

/** Writes one varint, not aligned to bytes. */
export function writeVarint(writer: BitWriter, value: number): void {
  let rest = value;
  for (; rest >= 128; rest >>>= 7) writer.bits((rest & 127) | 128, 8);
  writer.bits(rest, 8);
}

/** Reads one varint of at most 35 bits; −1 when it is longer, or longer than it needs to be. */
export function readVarint(reader: BitReader): number {
  let value = 0;
  for (let scale = 1; scale < 2 ** 35; scale *= 128) {
    const group = reader.bits(8);
    value += (group & 127) * scale;
    if (group < 128) return group === 0 && scale > 1 ? -1 : value;
  }
  return -1;
}
