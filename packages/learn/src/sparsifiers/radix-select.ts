/**
 * Exact selection of the k largest of n numbers that are 0 or more, in O(n), without sorting.
 *
 * One scan collects candidates: all numbers from a little below the last threshold on, which is
 * rarely far from the next one. Were those too few or too many, a histogram of the first 11 bits of
 * all numbers says from where on to collect. Candidates, a few times k as a rule, are trimmed
 * exactly.
 */
import { bitsOf, Candidates, findBin, floatOf } from "./candidates.ts";

const TOP_SHIFT = 20;
const TOP_BINS = 2048;

/** Share of the last threshold from which on candidates are collected: steps change it by less. */
const THRESHOLD_SHARE = 0.9;
/** Candidates per wanted number before they are too many; beyond, the histogram is cheaper. */
const CANDIDATES_PER_WANTED = 8;

/** Selects again and again with the same scratch memory. */
export class RadixSelect {
  readonly #histogram = new Uint32Array(TOP_BINS);
  readonly #candidates = new Candidates();
  #lastThreshold = Infinity;

  /**
   * Indices of the `k` largest of `values`, ascending; zeros are never among them, ties go to the
   * lower index, NaN counts as larger than infinity.
   * @param values no number below 0, no −0
   * @param k 1 or more; fewer indices come back when fewer numbers are above 0
   */
  largest(values: Float32Array, k: number): Uint32Array<ArrayBuffer> {
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    const candidates = this.#candidates;
    const limit = Math.min(values.length, CANDIDATES_PER_WANTED * k);
    const lowest = Math.max(1, bitsOf(THRESHOLD_SHARE * this.#lastThreshold));
    const isWhole = collect(bits, lowest, limit, candidates);
    if (!isWhole || candidates.count < k) {
      const lowestOfAll = Math.max(1, lowestOfTopBin(bits, k, this.#histogram));
      collect(bits, lowestOfAll, values.length, candidates);
    }
    if (candidates.count === 0) return new Uint32Array(0);
    const { indices, smallest } = candidates.largest(k);
    this.#lastThreshold = floatOf(smallest);
    return indices;
  }
}

/** Collects all words of `lowest` and above; whether those are not more than `limit`. */
function collect(bits: Int32Array, lowest: number, limit: number, target: Candidates): boolean {
  target.clear();
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] ?? 0;
    if (word < lowest) continue;
    if (target.count === limit) return false;
    target.add(i, word);
  }
  return true;
}

/** The lowest word with the same first 11 bits as the `k`-th largest; 0 when fewer are above 0. */
function lowestOfTopBin(bits: Int32Array, k: number, histogram: Uint32Array): number {
  histogram.fill(0);
  for (let i = 0; i < bits.length; i++) {
    const bin = (bits[i] ?? 0) >>> TOP_SHIFT;
    histogram[bin] = (histogram[bin] ?? 0) + 1;
  }
  return findBin(histogram, k).bin << TOP_SHIFT;
}
