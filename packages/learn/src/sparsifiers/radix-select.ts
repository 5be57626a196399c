/**
 * Exact selection of the k largest of n numbers that are 0 or more, in O(n), without sorting.
 *
 * The bits of such floats, read as integers, are in the order of the numbers. One scan collects
 * candidates: all numbers from a little below the last threshold on, which is rarely far from the next
 * one. Were those too few or too many, a histogram of the first 11 bits of all numbers says from where
 * on to collect. Among the candidates, a few times k as a rule, radix selection finds the k-th largest:
 * a histogram of 11 bits, then of the next 10, then of the last 10.
 */

const DIGITS: readonly Digit[] = [
  { shift: 20, width: 11 },
  { shift: 10, width: 10 },
  { shift: 0, width: 10 },
];
const TOP_SHIFT = 20;
const TOP_BINS = 2048;

/** Share of the last threshold from which on candidates are collected: steps change it by less. */
const THRESHOLD_SHARE = 0.9;
/** Candidates per wanted number before they are too many; beyond, the histogram is cheaper. */
const CANDIDATES_PER_WANTED = 8;

interface Digit {
  readonly shift: number;
  readonly width: number;
}

/** Selects again and again with the same scratch memory. */
export class RadixSelect {
  readonly #histogram = new Uint32Array(TOP_BINS);
  #candidates: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #lastThreshold = Infinity;

  /**
   * Indices of the `k` largest of `values`, ascending; zeros are never among them, ties go to the lower
   * index, NaN counts as larger than infinity.
   * @param values no number below 0, no −0
   * @param k 1 or more; fewer indices come back when fewer numbers are above 0
   */
  largest(values: Float32Array, k: number): Uint32Array<ArrayBuffer> {
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    const limit = Math.min(values.length, CANDIDATES_PER_WANTED * k);
    let lowest = Math.max(1, bitsOf(THRESHOLD_SHARE * this.#lastThreshold));
    let count = this.#collect(bits, lowest, limit);
    if (count < k || count > limit) {
      lowest = Math.max(1, lowestOfTopBin(bits, k, this.#histogram));
      count = this.#collect(bits, lowest, values.length);
    }
    const wanted = Math.min(k, count);
    if (wanted === 0) return new Uint32Array(0);

    const candidates = this.#candidates.subarray(0, count);
    let threshold = 0;
    let above = 0;
    for (const digit of DIGITS) {
      countDigits(bits, candidates, { prefix: threshold, ...digit }, this.#histogram);
      const found = findBin(this.#histogram, wanted - above);
      threshold = (threshold << digit.width) | found.bin;
      above += found.above;
    }
    this.#lastThreshold = floatOf(threshold);
    return emit(bits, candidates, { threshold, atThreshold: wanted - above, wanted });
  }

  /** Collects the indices of all words of `lowest` and above; returns how many, or more than `limit`. */
  #collect(bits: Int32Array, lowest: number, limit: number): number {
    let count = collect(bits, lowest, this.#candidates);
    if (count > this.#candidates.length && count <= limit) {
      this.#candidates = new Uint32Array(Math.min(bits.length, 2 * count));
      count = collect(bits, lowest, this.#candidates);
    }
    return count;
  }
}

/** Writes the indices of all words of `lowest` and above, as far as they fit; returns how many. */
function collect(bits: Int32Array, lowest: number, indices: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i] ?? 0) < lowest) continue;
    if (count < indices.length) indices[count] = i;
    count++;
  }
  return count;
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

/** Histogram of one digit of the candidates whose bits above it are `prefix`. */
function countDigits(
  bits: Int32Array,
  candidates: Uint32Array,
  { prefix, shift, width }: Digit & { readonly prefix: number },
  histogram: Uint32Array,
): void {
  histogram.fill(0);
  const mask = (1 << width) - 1;
  for (let i = 0; i < candidates.length; i++) {
    const word = bits[candidates[i] ?? 0] ?? 0;
    const digit = word >>> shift;
    if (digit >>> width !== prefix) continue;
    histogram[digit & mask] = (histogram[digit & mask] ?? 0) + 1;
  }
}

/** The bin that the `wanted`-th largest entry is in, and how many entries lie in bins above it. */
function findBin(histogram: Uint32Array, wanted: number): { bin: number; above: number } {
  let above = 0;
  for (let bin = histogram.length - 1; bin > 0; bin--) {
    const inBin = histogram[bin] ?? 0;
    if (above + inBin >= wanted) return { bin, above };
    above += inBin;
  }
  return { bin: 0, above };
}

interface Threshold {
  /** All words above it are taken. */
  readonly threshold: number;
  /** How many of those equal to it are taken, from the first on. */
  readonly atThreshold: number;
  /** How many are taken in all. */
  readonly wanted: number;
}

function emit(
  bits: Int32Array,
  candidates: Uint32Array,
  { threshold, atThreshold, wanted }: Threshold,
): Uint32Array<ArrayBuffer> {
  const indices = new Uint32Array(wanted);
  let count = 0;
  let ties = atThreshold;
  for (let i = 0; i < candidates.length; i++) {
    const index = candidates[i] ?? 0;
    const word = bits[index] ?? 0;
    if (word < threshold || (word === threshold && ties-- <= 0)) continue;
    indices[count++] = index;
  }
  return indices;
}

function bitsOf(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

function floatOf(bits: number): number {
  return new Float32Array(Int32Array.of(bits).buffer)[0] ?? 0;
}
