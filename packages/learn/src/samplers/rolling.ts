import type { Random, RandomPosition } from "@everfresh/core";
import { numbersBelow } from "./renumbering.ts";
import type { Sampler } from "./sampler.ts";
import { StateReader, StateWriter } from "./state-bytes.ts";

const KIND = "rolling/1";

/**
 * Walks through the history from the oldest position to the newest and then begins anew: a draw is the
 * next k positions. Every position comes once per round, none by chance; those that were added on the
 * way come at the end of the round. O(k).
 * @param random is only where it was
 */
export function rollingSampler(random: Random): Sampler {
  let next = 0;
  return {
    draw: (count, limit) => {
      const drawn: number[] = [];
      while (drawn.length < Math.min(count, limit)) {
        if (next >= limit) next = 0;
        drawn.push(next++);
      }
      return drawn;
    },
    get position(): RandomPosition {
      return random.position;
    },
    checkpoint: () => {
      const writer = new StateWriter(KIND);
      writer.whole(next);
      return writer.bytes();
    },
    restore: (checkpoint, renumbering = (position) => position) => {
      const reader = new StateReader(checkpoint, KIND);
      next = numbersBelow(reader.whole(), renumbering);
      reader.end();
    },
  };
}
