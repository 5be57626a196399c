import { assert, type Random, type RandomPosition } from "@everfresh/core";
import type { SampleFacts } from "@everfresh/streams";
import { RecentWeights } from "./recent-weights.ts";
import { INDEXED_POSITIONS_MAX, type Sampler } from "./sampler.ts";

/**
 * Weights are m · 2^e with e at most this, so that those of all positions add up in a double, and 0
 * where e is below minus {@link EXPONENT_MIN}.
 */
const EXPONENT_MAX = 900;
const EXPONENT_MIN = 1_000;

/** Options of a sampler that prefers what is new. */
export interface HalfLifeOptions {
  /** Age at which a sample is half as likely as a new one: in samples, or milliseconds; above 0. */
  readonly halfLife: number;
  /** How many of the newest positions can be drawn. @default 4,194,304 */
  readonly positionsMax?: number;
}

/**
 * Prefers what is new by age in samples: the weight of a position is 2^(−age / halfLife), where the
 * newest has age 0. The positions of a draw are taken one after another, each with probability weight
 * / weights of those left: so the first one is p with probability 2^(−age / h) · (1 − 2^(−1/h)) /
 * (1 − 2^(−n/h)). O(k · log n).
 */
export function halfLifeSampler(random: Random, options: HalfLifeOptions): Sampler {
  return sampler(random, options, (position) => position);
}

/**
 * Prefers what is new by event time: the weight of a sample is 2^((its time − newest time) /
 * halfLife). The positions of a draw are taken one after another, each with probability weight /
 * weights of those left. O(k · log n). A sample 1,900 half-lives older than another one is drawn only
 * when nothing else is left: one with a wrong time far in the future makes this a window.
 */
export function eventTimeSampler(random: Random, options: HalfLifeOptions): Sampler {
  // Of positions that were observed and have not entered yet.
  let waiting: number[] = [];
  let first = 0;
  const timeOf = (position: number): number => {
    const timeMs = waiting[position - first];
    assert(timeMs !== undefined, `position ${position} was not observed`);
    return timeMs;
  };
  const inner = sampler(random, options, timeOf);
  return {
    draw: (count, limit) => {
      const drawn = inner.draw(count, limit);
      if (limit > first) waiting = waiting.slice(limit - first);
      first = limit;
      return drawn;
    },
    get position(): RandomPosition {
      return random.position;
    },
    observe: (facts: readonly SampleFacts[]) => {
      for (const { eventTimeMs } of facts) {
        assert(Number.isFinite(eventTimeMs), `event time ${eventTimeMs}`);
        waiting.push(eventTimeMs);
      }
    },
  };
}

function sampler(
  random: Random,
  { halfLife, positionsMax = INDEXED_POSITIONS_MAX }: HalfLifeOptions,
  timeOf: (position: number) => number,
): Sampler {
  const weights = new RecentWeights(positionsMax);
  let startTime = 0;
  /** Exponent that counts as 0. Moving it scales all weights by a power of two, which is exact. */
  let origin = 0;
  const halfLives = (position: number): number => (timeOf(position) - startTime) / halfLife;
  const weightOf = (position: number): number => {
    const exponent = halfLives(position);
    const whole = Math.floor(exponent);
    return scaled(2 ** (exponent - whole), whole - origin);
  };
  const enter = (limit: number): void => {
    if (weights.entered === 0 && limit > 0) startTime = timeOf(0);
    const before = origin;
    for (let position = weights.entered; position < limit; position++) {
      const whole = Math.floor(halfLives(position));
      if (whole - origin > EXPONENT_MAX) origin = whole;
    }
    if (origin !== before) weights.map((weight) => scaled(weight, before - origin));
    weights.enter(limit, weightOf);
  };
  return {
    draw: (count, limit) => {
      enter(limit);
      return weights.draw(count, random);
    },
    get position(): RandomPosition {
      return random.position;
    },
  };
}

/** weight · 2^exponent, without the bits that a double begins to lose when it is very small. */
function scaled(weight: number, exponent: number): number {
  const result = weight * 2 ** exponent;
  return result < 2 ** -EXPONENT_MIN ? 0 : result;
}
