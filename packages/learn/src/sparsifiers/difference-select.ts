/**
 * Which of the differences |round(wanted) − present| are the largest. One pass over both vectors: a
 * scan in WebAssembly collects candidates from a little below the last threshold on, and those are
 * trimmed exactly; a histogram in a pass of its own says where to start when they were too few or
 * too many. Without WebAssembly, and where a difference is not finite, plain loops come to the same
 * selection.
 */
import { type Comparison, DifferenceScan } from "../kernels/difference-scan.ts";
import { TOP_SHIFT } from "../kernels/difference-kernels.ts";
import { bitsOf, Candidates, findBin, floatOf } from "./candidates.ts";
import { PlainDifferences, type Selected } from "./plain-differences.ts";
import { CANDIDATES_PER_WANTED, THRESHOLD_SHARE } from "./radix-select.ts";

/** Below it there is no positive float32. */
const SMALLEST = 2 ** -149;

/** Selects again and again with the same scratch memory. */
export class DifferenceSelect {
  readonly #scan: DifferenceScan | null;
  readonly #plain = new PlainDifferences();
  readonly #candidates = new Candidates();
  /** The last threshold of each range, by where that starts. */
  readonly #thresholds = new Map<number, number>();

  /** @param scan null for plain loops */
  constructor(scan: DifferenceScan | null = DifferenceScan.open()) {
    this.#scan = scan;
  }

  /**
   * The `k` (1 or more) largest differences; zeros are never among them, ties go to the lower
   * index. A wanted number that becomes infinite or is no number is left out and counted.
   */
  largest(comparison: Comparison, k: number): Selected {
    const isFinite = this.#collectFor(comparison, k);
    if (!isFinite) return this.#plain.largest(comparison, k);
    if (this.#candidates.count === 0) return { indices: new Uint32Array(0), unsendable: 0 };
    const { indices, smallest } = this.#candidates.largest(k);
    this.#thresholds.set(comparison.from, floatOf(smallest));
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
    const candidates = this.#candidates;
    const length = comparison.to - comparison.from;
    const limit = Math.min(length, CANDIDATES_PER_WANTED * k);
    const last = this.#thresholds.get(comparison.from);
    if (last !== undefined) {
      const threshold = Math.max(SMALLEST, Math.fround(THRESHOLD_SHARE * last));
      if (!this.#collect(comparison, threshold, limit)) return false;
      if (candidates.count >= k && candidates.count <= limit) return true;
    }
    const histogram = this.#scan?.histogram(comparison) ?? null;
    if (histogram === null) return false;
    const lowest = Math.max(bitsOf(SMALLEST), findBin(histogram, k).bin << TOP_SHIFT);
    return this.#collect(comparison, floatOf(lowest), length);
  }

  /** Collects from `threshold` on until there are more than `limit`. */
  #collect(comparison: Comparison, threshold: number, limit: number): boolean {
    const candidates = this.#candidates;
    candidates.clear();
    if (this.#scan === null) return false;
    return this.#scan.collect(comparison, threshold, (indices, words) => {
      candidates.addAll(indices, words);
      return candidates.count <= limit;
    });
  }
}
