/** IEEE 754 binary16 in a portable way: `Float16Array` is newer than the oldest runtime we support. */

const float32 = new Float32Array(1);
const bits32 = new Uint32Array(float32.buffer);

/** The largest finite binary16 value. */
export const FLOAT16_MAX = 65504;

/** The bits of `value` rounded to binary16, ties to even. Values beyond the range become infinities. */
export function toFloat16Bits(value: number): number {
  float32[0] = value;
  const bits = bits32[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (magnitude < 0x38800000) return sign | roundSubnormal(magnitude);
  // Normal: rebias the exponent from 127 to 15 and round away 13 bits of the mantissa, ties to even.
  const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1);
  return sign | (rounded >>> 13);
}

/** The value of binary16 bits, exactly. */
export function fromFloat16Bits(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return (bits & 0x8000 ? -mantissa : mantissa) * 2 ** -24;
  if (exponent === 0x1f && mantissa !== 0) return NaN;
  // Rebias the exponent from 15 to 127, or to all ones.
  const wide = exponent === 0x1f ? 0xff : exponent + 112;
  bits32[0] = ((bits & 0x8000) << 16) | (wide << 23) | (mantissa << 13);
  return float32[0] ?? 0;
}

/** `value` rounded to the nearest binary16 number, ties to even. */
export function roundToFloat16(value: number): number {
  return fromFloat16Bits(toFloat16Bits(value));
}

function roundSubnormal(magnitude: number): number {
  if (magnitude < 0x33000000) return 0; // below half of the smallest subnormal, 2⁻²⁵
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const quotient = mantissa >>> shift;
  const remainder = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const roundsUp = remainder > half || (remainder === half && (quotient & 1) === 1);
  return roundsUp ? quotient + 1 : quotient;
}
