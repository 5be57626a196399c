import type { AbsoluteType } from "@everfresh/core";

/**
 * `values` as they arrive when sent as a value type: {@link roundTo} of core for a whole vector, made
 * for millions of parameters per step. Writes into `target` or, when nothing rounds, gives `values`.
 */
export const roundAllTo: {
  readonly [V in AbsoluteType]: (values: Float32Array, target: () => Float32Array) => Float32Array;
} = {
  float32: (values) => values,
  float16: (values, target) => roundAllToFloat16(values, target()),
  bfloat16: (values, target) => roundAllToBfloat16(values, target()),
};

const SIGN = 0x80000000;
const MAGNITUDE = 0x7fffffff;
/** 2⁻¹⁴ as float32 bits: below it binary16 is subnormal. */
const SMALLEST_NORMAL = 0x38800000;
/** 65520 as float32 bits: from here on binary16 rounds to infinity. */
const OVERFLOW = 0x477ff000;
const INFINITY = 0x7f800000;
/** Half a step above the largest bfloat16 as float32 bits: from here on it rounds to infinity. */
const OVERFLOW_BFLOAT16 = 0x7f7f8000;

function roundAllToFloat16(values: Float32Array, target: Float32Array): Float32Array {
  const source = new Int32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Int32Array(target.buffer, target.byteOffset, values.length);
  for (let i = 0; i < source.length; i++) {
    const word = source[i] ?? 0;
    // One unsigned comparison for both ends of the range.
    if (((word & MAGNITUDE) - SMALLEST_NORMAL) >>> 0 < OVERFLOW - SMALLEST_NORMAL) {
      // Normal: round away 13 of the 23 bits of the mantissa, ties to even; a carry is the next exponent.
      bits[i] = (word + 0xfff + ((word >>> 13) & 1)) & ~0x1fff;
    } else {
      target[i] = roundUnusual(word, values[i] ?? 0);
      bits[i] = ((bits[i] ?? 0) & MAGNITUDE) | (word & SIGN);
    }
  }
  return target;
}

function roundAllToBfloat16(values: Float32Array, target: Float32Array): Float32Array {
  const source = new Int32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Int32Array(target.buffer, target.byteOffset, values.length);
  for (let i = 0; i < source.length; i++) {
    const word = source[i] ?? 0;
    const magnitude = word & MAGNITUDE;
    // The upper half, rounded by the lower one, ties to even; a carry is the next exponent.
    if (magnitude < OVERFLOW_BFLOAT16) bits[i] = (word + 0x7fff + ((word >>> 16) & 1)) & ~0xffff;
    else bits[i] = (magnitude > INFINITY ? 0x7fc00000 : INFINITY) | (word & SIGN);
  }
  return target;
}

/** `value`, of which `word` are the bits, when it is not normal in binary16; its sign may get lost. */
function roundUnusual(word: number, value: number): number {
  const magnitude = word & MAGNITUDE;
  if (magnitude >= OVERFLOW) return magnitude > INFINITY ? Number.NaN : Infinity;
  // Subnormal: float32 numbers between 0.5 and 1 are 2⁻²⁴ apart, as subnormals of binary16 are, so
  // adding 0.75 rounds them, ties to even.
  return Math.fround(value + 0.75) - 0.75;
}
