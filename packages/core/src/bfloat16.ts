/** bfloat16: the upper half of a float32, which keeps its range and 8 bits of its precision. */

const float32 = new Float32Array(1);
const bits32 = new Uint32Array(float32.buffer);

/** The largest finite bfloat16 value: 2¹²⁸ − 2¹²⁰. */
export const BFLOAT16_MAX: number = 2 ** 128 - 2 ** 120;

/** The bits of `value` rounded to bfloat16, ties to even. Values beyond the range become infinities. */
export function toBfloat16Bits(value: number): number {
  float32[0] = value;
  const bits = bits32[0] ?? 0;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) & 0x8000) | 0x7fc0; // NaN
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The value of bfloat16 bits, exactly. */
export function fromBfloat16Bits(bits: number): number {
  bits32[0] = bits << 16;
  return float32[0] ?? 0;
}

/** `value` rounded to the nearest bfloat16 number, ties to even. */
export function roundToBfloat16(value: number): number {
  return fromBfloat16Bits(toBfloat16Bits(value));
}
