import { assert, type Random, type RandomPosition } from "@everfresh/core";
import type { Sampler } from "./sampler.ts";

/**
 * Every subset of the history is equally likely, without replacement inside a draw; what was drawn
 * may come again in the next one. Each of n positions is in a draw of k with probability k / n.
 * O(k), whatever the length of the history.
 */
export function uniformSampler(random: Random): Sampler {
  return {
    draw: (count: number, limit: number): readonly number[] => drawUniform(random, count, limit),
    get position(): RandomPosition {
      return random.position;
    },
  };
}

/**
 * A uniform subset of `count` of the numbers from 0 to `limit` − 1; all of them, in order, when there
 * are no more.
 *
 * Floyd's algorithm (Bentley, Floyd: "A sample of brilliance", CACM 30(9), 1987).
 */
export function drawUniform(random: Random, count: number, limit: number): readonly number[] {
  assert(Number.isSafeInteger(count) && count >= 0, `draw of ${count} positions`);
  assert(Number.isSafeInteger(limit) && limit >= 0, `draw below ${limit}`);
  if (count >= limit) return Array.from({ length: limit }, (_, position) => position);
  const drawn = new Set<number>();
  // For j = limit − count .. limit − 1: take a uniform position in [0, j], or j if that one is taken.
  for (let last = limit - count; last < limit; last++) {
    const position = random.below(last + 1);
    drawn.add(drawn.has(position) ? last : position);
  }
  return [...drawn];
}
