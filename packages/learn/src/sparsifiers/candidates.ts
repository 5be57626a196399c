/**
 * The exact end of a selection: among candidates that surely hold the k largest numbers, radix
 * selection finds the k-th largest: a histogram of the first 11 bits of all, then of the next 10 of
 * those that begin as it does, then of the last 10.
 *
 * The bits of floats that are 0 or more, read as integers, are in the order of the numbers.
 */

const DIGITS: readonly Digit[] = [
  { shift: 20, width: 11 },
  { shift: 10, width: 10 },
  { shift: 0, width: 10 },
];
const BINS = 2_048;

interface Digit {
  readonly shift: number;
  readonly width: number;
}

/** The k largest candidates. */
export interface Largest {
  /** Of the numbers, ascending. */
  readonly indices: Uint32Array<ArrayBuffer>;
  /** The bits of the smallest one. */
  readonly smallest: number;
}

/** Numbers above 0 with their indices, which ascend; the memory is used again and again. */
export class Candidates {
  readonly #histogram = new Uint32Array(BINS);
  #indices: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #words: Int32Array<ArrayBuffer> = new Int32Array(0);
  #count = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#count = 0;
  }

  /** Adds a number by its bits. */
  add(index: number, word: number): void {
    this.#makeRoom(1);
    this.#indices[this.#count] = index;
    this.#words[this.#count++] = word;
  }

  /** Adds numbers by their bits. */
  addAll(indices: Uint32Array, words: Int32Array): void {
    this.#makeRoom(indices.length);
    this.#indices.set(indices, this.#count);
    this.#words.set(words, this.#count);
    this.#count += indices.length;
  }

  /** A copy of all indices. */
  indices(): Uint32Array<ArrayBuffer> {
    return this.#indices.slice(0, this.#count);
  }

  /**
   * The `k` largest, or all when there are fewer; ties go to the lower index. At least one is
   * there.
   */
  largest(k: number): Largest {
    const smallest = this.keepLargest(k);
    return { indices: this.indices(), smallest };
  }

  /** Keeps only those that {@link Candidates.largest} gives; returns the bits of the smallest one. */
  keepLargest(k: number): number {
    const wanted = Math.min(k, this.#count);
    let smallest = 0;
    let above = 0;
    for (const digit of DIGITS) {
      this.#countDigits({ prefix: smallest, ...digit });
      const found = findBin(this.#histogram, wanted - above);
      smallest = (smallest << digit.width) | found.bin;
      above += found.above;
    }
    this.#keep(smallest, wanted - above);
    return smallest;
  }

  /** Histogram of one digit of those whose bits above it are `prefix`. */
  #countDigits({ prefix, shift, width }: Digit & { readonly prefix: number }): void {
    const [words, histogram, mask] = [this.#words, this.#histogram, (1 << width) - 1];
    histogram.fill(0);
    for (let i = 0; i < this.#count; i++) {
      const digit = (words[i] ?? 0) >>> shift;
      if (digit >>> width !== prefix) continue;
      histogram[digit & mask] = (histogram[digit & mask] ?? 0) + 1;
    }
  }

  /** Keeps those above `smallest`, and the first `ties` of those equal to it. */
  #keep(smallest: number, ties: number): void {
    const [indices, words] = [this.#indices, this.#words];
    let count = 0;
    let rest = ties;
    for (let i = 0; i < this.#count; i++) {
      const word = words[i] ?? 0;
      if (word < smallest || (word === smallest && rest-- <= 0)) continue;
      indices[count] = indices[i] ?? 0;
      words[count++] = word;
    }
    this.#count = count;
  }

  #makeRoom(more: number): void {
    const needed = this.#count + more;
    if (needed <= this.#indices.length) return;
    const [indices, words] = [new Uint32Array(2 * needed), new Int32Array(2 * needed)];
    indices.set(this.#indices.subarray(0, this.#count));
    words.set(this.#words.subarray(0, this.#count));
    this.#indices = indices;
    this.#words = words;
  }
}

/** The bin that the `wanted`-th largest number is in, and how many lie in bins above it. */
export function findBin(histogram: Uint32Array, wanted: number): { bin: number; above: number } {
  let above = 0;
  for (let bin = histogram.length - 1; bin > 0; bin--) {
    const inBin = histogram[bin] ?? 0;
    if (above + inBin >= wanted) return { bin, above };
    above += inBin;
  }
  return { bin: 0, above };
}

/** The bits of a float32. */
export function bitsOf(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

/** The float32 of these bits. */
export function floatOf(bits: number): number {
  return new Float32Array(Int32Array.of(bits).buffer)[0] ?? 0;
}
