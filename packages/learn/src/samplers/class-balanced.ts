import { assert, type Random, type RandomPosition } from "@everfresh/core";
import type { SampleFacts } from "@everfresh/streams";
import { ClassPositions } from "./class-positions.ts";
import { INDEXED_POSITIONS_MAX, type Sampler } from "./sampler.ts";
import { drawUniform } from "./uniform.ts";

/** Samples between two looks at what has become too old to be drawn. */
const DROP_EVERY = 65_536;

/** What can be drawn of one class. */
interface Stratum {
  readonly positions: ClassPositions;
  /** Rank of the oldest position that can be drawn, and how many there are from it on. */
  readonly first: number;
  readonly size: number;
  /** How many are drawn. */
  quota: number;
}

/**
 * As many samples of every class, or one more of some that are drawn by lot; what a class is too small
 * for goes to the others. Within a class every subset is equally likely. A sample of a class of n_c is
 * in a draw of k with probability k / (C · n_c), where C classes have k / C samples or more each.
 * O(k + C · log n).
 * @param positionsMax how many of the newest positions can be drawn
 */
export function classBalancedSampler(
  random: Random,
  positionsMax: number = INDEXED_POSITIONS_MAX,
): Sampler {
  const classes = new Map<number, ClassPositions>();
  let observed = 0;
  const observe = (facts: readonly SampleFacts[]): void => {
    for (const { label } of facts) {
      let positions = classes.get(label);
      if (positions === undefined) classes.set(label, (positions = new ClassPositions()));
      positions.push(observed++);
    }
  };
  let dropsAt = positionsMax + DROP_EVERY;
  return {
    draw: (count, limit) => {
      assert(observed >= limit, `a draw below ${limit} when ${observed} positions were observed`);
      const oldest = Math.max(0, limit - positionsMax);
      if (limit >= dropsAt) {
        for (const positions of classes.values()) positions.dropBelow(oldest);
        dropsAt = limit + DROP_EVERY;
      }
      const strata: Stratum[] = [];
      for (const label of [...classes.keys()].sort((a, b) => a - b)) {
        const positions = classes.get(label) ?? new ClassPositions();
        const first = positions.ranksBelow(oldest);
        const size = positions.ranksBelow(limit) - first;
        if (size > 0) strata.push({ positions, first, size, quota: 0 });
      }
      share(strata, count, random);
      return strata.flatMap(({ positions, first, size, quota }) =>
        drawUniform(random, quota, size).map((rank) => positions.at(first + rank)),
      );
    },
    get position(): RandomPosition {
      return random.position;
    },
    observe,
  };
}

/** Sets the quotas to as equal numbers as the sizes allow. */
function share(strata: readonly Stratum[], count: number, random: Random): void {
  let left = count;
  let open = strata;
  while (open.length > 0 && left >= open.length) {
    const each = Math.floor(left / open.length);
    for (const stratum of open) {
      const more = Math.min(each, stratum.size - stratum.quota);
      stratum.quota += more;
      left -= more;
    }
    open = open.filter(({ quota, size }) => quota < size);
  }
  for (const at of drawUniform(random, Math.min(left, open.length), open.length)) {
    const stratum = open[at];
    if (stratum !== undefined) stratum.quota++;
  }
}
