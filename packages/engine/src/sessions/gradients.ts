/** What workers do with their gradients: publish, check, and add up. Loops over millions of elements. */
import { assert } from "@everfresh/core";
import { inBlocks } from "../optimizers/blocks.ts";

// Bits of a float32: the exponent is 0 for zeros and denormals, all ones for infinities and NaN.
const SIGN = 0x8000_0000;
const EXPONENT = 0x7f80_0000;
const EXPONENT_OF_LARGE = 0x5780_0000; // 2⁴⁸

/**
 * Means of gradients from here on are refused, 2⁶³: their squares overflow float32, in which optimizers
 * compute.
 */
export const MEAN_GRADIENT_LIMIT: number = 2 ** 63;

/** Sums of gradients below 2⁴⁸, of 64 workers at most, have a mean below the limit from this weight on. */
export const SMALL_WEIGHT_MIN: number = 2 ** -8;

/** Whether gradients are all below 2⁴⁸, some above, or some not even finite. */
export type GradientSize = "small" | "large" | "notFinite";

/**
 * Copies `gradients` to where all workers see them; says how large they are. Denormal numbers (below
 * 1.2e-38) become 0, as in the optimizers: on many CPUs each costs a hundred times what others do, in
 * every later operation. Works on the bits, for which that does not hold.
 */
export function publishGradients(gradients: Float32Array, published: Float32Array): GradientSize {
  const from = new Int32Array(gradients.buffer, gradients.byteOffset, gradients.length);
  const to = new Int32Array(published.buffer, published.byteOffset, published.length);
  let carry = 0;
  inBlocks(from.length, (start, end) => {
    carry |= publishBits(from, to, start, end);
  });
  if (carry >= 0) return "small";
  return isBelow(gradients, Infinity) ? "large" : "notFinite";
}

/** Whether all values are numbers of a magnitude below `limit`. */
export function isBelow(values: Float32Array, limit: number): boolean {
  return values.every((value) => Math.abs(value) < limit);
}

/**
 * The mean gradient ḡ = (g₁ + g₂ + ...) / w from the sums of all workers, added up in the order of the
 * workers whichever was first.
 */
export function meanOf(rows: readonly Float32Array[], weight: number, mean: Float32Array): void {
  const [first, second, ...others] = rows;
  assert(first !== undefined, "there is at least one worker");
  const scale = 1 / weight;
  inBlocks(mean.length, (from, to) => {
    if (second === undefined) {
      scaled(first, scale, mean, from, to);
    } else if (others.length === 0) {
      scaledSum(first, second, scale, mean, from, to);
    } else {
      scaledSum(first, second, 1, mean, from, to);
      for (const row of others) scaledSum(mean, row, 1, mean, from, to);
      scaled(mean, scale, mean, from, to);
    }
  });
}

// Only an exponent of 2⁴⁸ or more carries into the sign bit of the result.
function publishBits(from: Int32Array, to: Int32Array, start: number, end: number): number {
  let carry = 0;
  for (let i = start; i < end; i++) {
    const bits = from[i] ?? 0;
    const exponent = bits & EXPONENT;
    carry |= exponent + (SIGN - EXPONENT_OF_LARGE);
    to[i] = exponent === 0 ? 0 : bits;
  }
  return carry;
}

function scaled(
  values: Float32Array,
  scale: number,
  result: Float32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) result[i] = (values[i] ?? 0) * scale;
}

function scaledSum(
  first: Float32Array,
  second: Float32Array,
  scale: number,
  result: Float32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) result[i] = ((first[i] ?? 0) + (second[i] ?? 0)) * scale;
}
