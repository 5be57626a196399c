/**
 * Differences as an update can carry them in few bits; what they lose is in the next difference.
 */
import {
  entryRuns,
  type IncrementType,
  INT8_BLOCK,
  roundToBfloat16,
  type StateChange,
  type StateLayout,
} from "@everfresh/core";
import { bitsOf, floatOf } from "./candidates.ts";

/** Increments with what they are multiples of. */
type Increments = Required<Pick<StateChange, "values" | "scales">>;

/**
 * Increments of a type that come closest to `differences`, one for each of `indices`:
 *
 *   int8:  scale = max |d| / 127 of a block of 64 entries,  value = scale · round(d / scale)
 *   sign:  mean = mean of |d| over a tensor's entries,       value = ± mean
 *
 * Scales and means are bfloat16, which takes half the bytes and is less exact by less than 0.4 %.
 */
export const incrementsOf: {
  readonly [T in IncrementType]: (
    differences: Float32Array,
    layout: StateLayout,
    indices: Uint32Array,
  ) => Increments;
} = {
  int8: (differences) => int8Increments(differences),
  sign: (differences, layout, indices) => signIncrements(differences, layout, indices),
};

function int8Increments(differences: Float32Array): Increments {
  const values = new Float32Array(differences.length);
  const scales = new Float32Array(Math.ceil(values.length / INT8_BLOCK));
  for (let block = 0; block < scales.length; block++) {
    const from = block * INT8_BLOCK;
    const to = Math.min(values.length, from + INT8_BLOCK);
    let largest = 0;
    for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(differences[i] ?? 0));
    const scale = asScale(largest / 127);
    scales[block] = scale;
    if (scale === 0) continue;
    for (let i = from; i < to; i++) {
      // Rounding the scale can make the quotient a little more than 127. No −0: + 0 makes it 0.
      const q = Math.max(-127, Math.min(127, Math.round((differences[i] ?? 0) / scale)));
      values[i] = scale * (q + 0);
    }
  }
  return { values, scales };
}

function signIncrements(
  differences: Float32Array,
  layout: StateLayout,
  indices: Uint32Array,
): Increments {
  const values = new Float32Array(differences.length);
  const scales = entryRuns(layout, indices).map(({ from, to }) => {
    let sum = 0;
    for (let i = from; i < to; i++) sum += Math.abs(differences[i] ?? 0);
    const mean = asScale(sum / (to - from));
    for (let i = from; i < to; i++) values[i] = (differences[i] ?? 0) < 0 ? -mean : mean;
    return mean;
  });
  return { values, scales: Float32Array.from(scales) };
}

/** Below it bfloat16 loses digits: the smallest normal number. */
const NORMAL_MIN = 2 ** -126;

/** `value` as a scale is sent: as bfloat16, unless that is too small to be exact, or infinite. */
export function asScale(value: number): number {
  const rounded = roundToBfloat16(value);
  return rounded >= NORMAL_MIN && rounded < Infinity ? rounded : Math.fround(value);
}

/** The same, but never less than `value`, which is above 0. */
export function asScaleAbove(value: number): number {
  const nearest = asScale(value);
  if (nearest >= value) return nearest;
  const ulps = nearest >= NORMAL_MIN ? 0x1_0000 : 1;
  return floatOf(bitsOf(nearest) + ulps);
}
