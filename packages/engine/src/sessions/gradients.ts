/** What workers do with their gradients: publish, check, and add up. Loops over millions of elements. */
import { assert } from "@everfresh/core";
import { inBlocks } from "../optimizers/blocks.ts";

// Bits of a float32: the exponent is 0 for zeros and denormals, all ones for infinities and NaN.
const EXPONENT = 0x7f80_0000;
const EXPONENT_ONE = 0x0080_0000;

/**
 * Copies `gradients` to where all workers see them; says whether every one is finite. Denormal
 * numbers (below 1.2e-38) become 0, as in the optimizers: on many CPUs each costs a hundred times
 * what others do, in every later operation. Works on the bits, for which that does not hold.
 */
export function publishGradients(gradients: Float32Array, published: Float32Array): boolean {
  const from = new Int32Array(gradients.buffer, gradients.byteOffset, gradients.length);
  const to = new Int32Array(published.buffer, published.byteOffset, published.length);
  let carry = 0;
  inBlocks(from.length, (start, end) => {
    carry |= publishBits(from, to, start, end);
  });
  return carry >= 0;
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

// Only an exponent of all ones carries into the sign bit of the result.
function publishBits(from: Int32Array, to: Int32Array, start: number, end: number): number {
  let carry = 0;
  for (let i = start; i < end; i++) {
    const bits = from[i] ?? 0;
    const exponent = bits & EXPONENT;
    carry |= exponent + EXPONENT_ONE;
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
