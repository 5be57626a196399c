/**
 * Which of the differences |round(wanted) − present| are the largest. One pass over both vectors: a
 * scan in WebAssembly collects candidates from a little below the last threshold on. Where they get
 * too many, the k largest of them stay, and the smallest of those is the threshold from there on;
 * where they are too few in the end, a second pass starts from nothing. Without WebAssembly, and
 * where a difference is not finite, plain loops come to the same selection.
 */
import type { AbsoluteType, ModelState } from "@everfresh/core";
import { type Comparison, DifferenceScan } from "../kernels/difference-scan.ts";
import { Candidates, floatOf } from "./candidates.ts";
import { PlainDifferences, type Selected } from "./plain-differences.ts";

/** Below it there is no positive float32. */
const SMALLEST = 2 ** -149;
/**
 * Share of the last threshold from which on candidates are collected: steps rarely change it by
 * more. Where that is too many, it comes closer to 1, half the way each time.
 */
const SHARE_MIN = 0.8;
const SHARE_MAX = 0.97;
/** Candidates per wanted number before they are thinned out, which takes time for each of them. */
const CANDIDATES_PER_WANTED = 4;
/** However few are wanted, fewer candidates than these are never thinned out. */
const CANDIDATES_MIN = 4_096;

/** From where on a range is collected next. */
interface Start {
  /** The smallest difference that was selected last. */
  readonly threshold: number;
  readonly share: number;
}

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
  };
}

/** Selects again and again with the same scratch memory. */
export class DifferenceSelect {
  readonly #scan: DifferenceScan | null;
  readonly #plain = new PlainDifferences();
  readonly #candidates = new Candidates();
  /** Where to begin in each range, by where that starts; none where all differences were few. */
  readonly #starts = new Map<number, Start>();
  /** Whether the last collection had to thin out. */
  #isThinned = false;

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
    if (!this.#collectFor(comparison, k)) return this.#plain.largest(comparison, k);
    const candidates = this.#candidates;
    const share = this.#nextShare(this.#starts.get(from), k);
    if (candidates.count < k) this.#starts.delete(from);
    if (candidates.count === 0) return { indices: new Uint32Array(0), unsendable: 0 };
    const { indices, smallest } = candidates.largest(k);
    if (indices.length === k) this.#starts.set(from, { threshold: floatOf(smallest), share });
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
    const last = this.#starts.get(comparison.from);
    if (last !== undefined) {
      const threshold = Math.max(SMALLEST, Math.fround(last.share * last.threshold));
      if (!this.#collect(comparison, threshold, k)) return false;
      if (this.#candidates.count >= k) return true;
      this.#starts.delete(comparison.from);
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

  #nextShare(last: Start | undefined, k: number): number {
    if (last === undefined) return SHARE_MIN;
    const isMany = this.#isThinned || this.#candidates.count > 2 * k;
    return isMany ? Math.min(SHARE_MAX, (1 + last.share) / 2) : last.share;
  }
}
