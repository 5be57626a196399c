import type { Random } from "@everfresh/core";

/**
 * Positions of `length` rows, drawn in blocks that stay together and wrap around at the end, so that
 * neighbours stay as alike as they are (Politis, Romano 1992).
 */
export function blockPositions(
  random: Random,
  {
    length,
    from,
    block,
  }: { readonly length: number; readonly from: number; readonly block: number },
): Uint32Array {
  const positions = new Uint32Array(length);
  let start = 0;
  for (let i = 0; i < length; i++) {
    if (i % block === 0) start = random.below(from);
    positions[i] = (start + (i % block)) % from;
  }
  return positions;
}

/** Correlation that is not told from none: blocks are then single rows. */
const INFLATION_MIN = 1.2;

/**
 * How long blocks must be to keep the correlation of values whose means vary `inflation` times as much
 * as those of independent ones: three times that, which is at least twice the sum of all correlations;
 * at least the cube root of `count`, at most an eighth of it.
 */
export function blockLength(inflation: number, count: number): number {
  if (inflation < INFLATION_MIN) return 1;
  return Math.min(longestBlock(count), Math.ceil(Math.max(Math.cbrt(count), 3 * inflation)));
}

/** The longest blocks that still leave some to draw: an eighth of `count`, 1 at least. */
export function longestBlock(count: number): number {
  return Math.max(1, Math.floor(count / 8));
}
