import { Random, type RandomPosition } from "@everfresh/core";
import type { PositionRange } from "../samplers/excluding.ts";
import { countOf } from "./iteration.ts";

/**
 * The positions of `ranges` in the order of each epoch, one epoch after another: all of them, shuffled
 * anew (Fisher and Yates) with the random numbers that follow those of the epoch before. An array that
 * is given again is overwritten.
 */
export function* epochOrders(
  ranges: readonly PositionRange[],
  epochs: number,
  order: RandomPosition,
): Generator<Uint32Array, void, void> {
  const random = Random.at(order);
  const positions = new Uint32Array(countOf(ranges));
  for (let epoch = 0; epoch < epochs; epoch++) {
    let at = 0;
    for (const { from, to } of ranges) {
      for (let position = from; position < to; position++) positions[at++] = position;
    }
    for (let last = positions.length - 1; last > 0; last--) {
      const other = random.below(last + 1);
      const moved = positions[last] ?? 0;
      positions[last] = positions[other] ?? 0;
      positions[other] = moved;
    }
    yield positions;
  }
}
