/**
 * Which of the differences |round(wanted) − present| are the largest. One pass over both vectors: a
 * scan in WebAssembly collects candidates from a little below the expected threshold on. Where they get
 * too many, the k largest of them stay, and the smallest of those is the threshold from there on;
 * where they are too few in the end, a second pass starts from nothing. Without WebAssembly, and
 * where a difference is not finite, plain loops come to the same selection.
 */
import type { AbsoluteType, ModelState } from "@everfresh/core";
import { GROUP } from "../kernels/difference-kernels.ts";
import { type Comparison, DifferenceScan } from "../kernels/difference-scan.ts";
import { MoveScan } from "../kernels/move-scan.ts";
import { Candidates, floatOf } from "./candidates.ts";
import { PlainDifferences, type Selected } from "./plain-differences.ts";
import { type Forecast, forecastAfter, levelOf, SMALLEST } from "./threshold-forecast.ts";

/** Candidates per wanted number before they are thinned out, which takes time for each of them. */
const CANDIDATES_PER_WANTED = 4;
/** However few are wanted, fewer candidates than these are never thinned out. */
const CANDIDATES_MIN = 4_096;

/** How far a deployed state is from a trained one, rounded to a type. */
export function comparisonOf(
  type: AbsoluteType,
  trained: ModelState,
  deployed: ModelState,
): Omit<Comparison, "from" | "to"> {
  const [wanted, present] = [trained.memory, deployed.memory];
  return {
    type,
    wanted: trained.parameters,
    present: deployed.parameters,
    memories: wanted === undefined || present === undefined ? undefined : { wanted, present },
    movers: trained.movers,
  };
}

/** Selects again and again with the same scratch memory. */
export class DifferenceSelect {
  readonly #scan: DifferenceScan | null;
  readonly #plain = new PlainDifferences();
  readonly #candidates = new Candidates();
  /** Of whole states, by those who move them; null where that is not to be had. */
  #moveScan: MoveScan | null = null;
  /** Where to begin in each range, by where that starts; none where all differences were few. */
  readonly #forecasts = new Map<number, Forecast>();
  /** Whether the last collection had to thin out. */
  #isThinned = false;
  /** Whether the last forecast was too high. */
  #isMissed = false;

  /** @param scan null for plain loops */
  constructor(scan: DifferenceScan | null = DifferenceScan.open()) {
    this.#scan = scan;
  }

  /**
   * The `k` (1 or more) largest differences; zeros are never among them, ties go to the lower
   * index. A wanted number that becomes infinite or is no number is left out and counted.
   */
  largest(comparison: Comparison, k: number): Selected {
    const { from } = comparison;
    const moveScan = this.#moveScanOf(comparison, k);
    if (!this.#takeMoved(moveScan, comparison, k) && !this.#collectFor(comparison, k)) {
      return this.#plain.largest(comparison, k);
    }
    const candidates = this.#candidates;
    const { count } = candidates;
    if (count === 0) return { indices: new Uint32Array(0), unsendable: 0 };
    const { indices, smallest } = candidates.largest(k);
    if (count < k) {
      this.#forecasts.delete(from);
    } else {
      const forecast = forecastAfter(this.#forecasts.get(from) ?? null, {
        threshold: floatOf(smallest),
        candidatesPerWanted: this.#isThinned ? Infinity : count / k,
        isMissed: this.#isMissed,
      });
      this.#forecasts.set(from, forecast);
      moveScan?.lookFrom(levelOf(forecast));
    }
    return { indices, unsendable: 0 };
  }

  /** All differences of `threshold`, a float32 above 0, and more. */
  atLeast(comparison: Comparison, threshold: number): Selected {
    if (!this.#collect(comparison, threshold, Infinity)) {
      return this.#plain.atLeast(comparison, threshold);
    }
    return { indices: this.#candidates.indices(), unsendable: 0 };
  }

  /**
   * Collects candidates that surely hold the `k` largest; false when a difference is not finite.
   */
  #collectFor(comparison: Comparison, k: number): boolean {
    const forecast = this.#forecasts.get(comparison.from);
    if (forecast !== undefined && !this.#isMissed) {
      if (!this.#collect(comparison, levelOf(forecast), k)) return false;
      if (this.#candidates.count >= k) return true;
      this.#isMissed = true;
    }
    return this.#collect(comparison, SMALLEST, k);
  }

  /** Collects from `threshold` on, or from higher on where the `k` largest surely are. */
  #collect(comparison: Comparison, threshold: number, k: number): boolean {
    const candidates = this.#candidates;
    candidates.clear();
    if (this.#scan === null) return false;
    const limit = Math.max(CANDIDATES_MIN, CANDIDATES_PER_WANTED * k);
    this.#isThinned = false;
    let level = threshold;
    return this.#scan.collect(comparison, threshold, (indices, words) => {
      candidates.addAll(indices, words);
      if (candidates.count > limit) {
        level = floatOf(candidates.keepLargest(k));
        this.#isThinned = true;
      }
      return level;
    });
  }

  /** The scan by those who move all that is compared; null where there is none. */
  #moveScanOf(comparison: Comparison, k: number): MoveScan | null {
    const { from, to, wanted } = comparison;
    if (this.#scan === null || from > 0 || to < wanted.length) return null;
    if (this.#moveScan?.suits(comparison, k) !== true) {
      this.#moveScan = MoveScan.open(comparison, k);
    }
    return this.#moveScan;
  }

  /** Candidates from the last step; false when that does not surely have found the `k` largest. */
  #takeMoved(moveScan: MoveScan | null, comparison: Comparison, k: number): boolean {
    this.#isMissed = false;
    const forecast = this.#forecasts.get(comparison.from);
    if (moveScan === null || forecast === undefined) return false;
    const level = levelOf(forecast);
    const candidates = this.#candidates;
    candidates.clear();
    this.#isThinned = false;
    const add = (indices: Uint32Array, words: Int32Array): number => {
      candidates.addAll(indices, words);
      return level;
    };
    if (!moveScan.take(add)) return false;
    const from = comparison.to - (comparison.to % GROUP);
    if (this.#scan?.collect({ ...comparison, from }, level, add) !== true) return false;
    this.#isMissed = candidates.count < k;
    return !this.#isMissed;
  }
}
