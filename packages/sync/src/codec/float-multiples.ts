/**
 * Float32 numbers that are whole multiples n · 2^e of one power of two, as rounded statistics are and
 * what is added to them. Each n travels as the Exp-Golomb code of zigzag(n − centre).
 */
import { BitReader } from "./bit-reader.ts";
import { BitWriter } from "./bit-writer.ts";
import type { ByteReader, Failure } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import {
  bestExpGolomb,
  readExpGolomb,
  statisticsOf,
  unzigzag,
  writeExpGolomb,
  zigzag,
} from "./gap-codes.ts";

/** Largest |n|: all whole numbers up to it are float32, so that every multiple is exact. */
const MULTIPLE_MAX = 2 ** 24;
/** The exponent of the smallest float32 above 0; those of units are told from here. */
const EXPONENT_MIN = -149;
/** Bits of the parameter of the Exp-Golomb codes. */
const PARAMETER_BITS = 5;

/** How multiples travel. */
export interface MultiplesPlan {
  /** Of the unit 2^e: the largest that fits. */
  readonly exponent: number;
  readonly centre: number;
  /** zigzag(n − centre) of each. */
  readonly codes: Uint32Array;
  readonly parameter: number;
  /** Of all that is written. */
  readonly bytes: number;
}

/** The plan for `data`, or null where that is no such numbers: NaN, −0, too wide a range. */
export function planMultiples(data: Float32Array): MultiplesPlan | null {
  const exponent = commonExponent(data);
  if (exponent === null) return null;
  const unit = 2 ** exponent;
  const multiples = Int32Array.from(data, (value) => value / unit);
  // Near the mean codes are shortest; around 0 the centre takes the fewest bytes itself.
  const mean = Math.round(multiples.reduce((sum, n) => sum + n, 0) / Math.max(1, data.length));
  const plans = [0, mean].map((centre): MultiplesPlan => {
    const codes = Uint32Array.from(multiples, (n) => zigzag(n - centre));
    const choice = bestExpGolomb(codes, statisticsOf(codes), Infinity) ?? { parameter: 0, bits: 0 };
    const head = 1 + Math.max(1, Math.ceil(Math.log2(zigzag(centre) + 1) / 7));
    const bytes = head + Math.ceil((PARAMETER_BITS + choice.bits) / 8);
    return { exponent, centre, codes, parameter: choice.parameter, bytes };
  });
  return plans.reduce((best, plan) => (plan.bytes < best.bytes ? plan : best));
}

/** Writes the unit, the centre, then all codes. */
export function writeMultiples(writer: ByteWriter, plan: MultiplesPlan): void {
  const { exponent, centre, codes, parameter, bytes } = plan;
  writer.u8(exponent - EXPONENT_MIN);
  writer.varint(zigzag(centre));
  const bits = new BitWriter(bytes);
  bits.bits(parameter, PARAMETER_BITS);
  for (let i = 0; i < codes.length; i++) writeExpGolomb(bits, codes[i] ?? 0, parameter);
  writer.raw(bits.bytes());
}

/** Reads `count` numbers; throws what `fail` makes where one is no float32. */
export function readMultiples(reader: ByteReader, fail: Failure, count: number): Float32Array {
  const unit = 2 ** (reader.u8() + EXPONENT_MIN);
  const centre = unzigzag(reader.varint(2 * MULTIPLE_MAX, "centre of multiples"));
  // A code takes a bit or more.
  if (count > reader.remaining * 8) throw fail(`${count} multiples do not fit`);
  const bits = new BitReader(reader.rest(), fail);
  const parameter = bits.bits(PARAMETER_BITS);
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const n = centre + unzigzag(readExpGolomb(bits, parameter));
    data[i] = n * unit;
    if (Math.abs(n) > MULTIPLE_MAX || data[i] !== n * unit) throw fail(`a multiple of ${n}`);
  }
  reader.raw(bits.end());
  return data;
}

/** The largest e for which all of `data` are multiples of 2^e, none too large; null without one. */
function commonExponent(data: Float32Array): number | null {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  let exponent = Infinity;
  let largest = 0;
  for (let i = 0; i < data.length; i++) {
    const word = words[i] ?? 0;
    if (word === 0) continue;
    const biased = (word >>> 23) & 255;
    const fraction = word & 0x7fffff;
    // Not finite, or −0.
    if (biased === 255 || (biased === 0 && fraction === 0)) return null;
    const significand = biased === 0 ? fraction : fraction | 0x800000;
    const zeros = 31 - Math.clz32(significand & -significand);
    exponent = Math.min(exponent, Math.max(biased, 1) - 1 + EXPONENT_MIN + zeros);
    largest = Math.max(largest, Math.abs(data[i] ?? 0));
  }
  if (exponent === Infinity) return EXPONENT_MIN;
  return largest / 2 ** exponent > MULTIPLE_MAX ? null : exponent;
}
