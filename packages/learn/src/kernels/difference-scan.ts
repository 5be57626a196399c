import type { AbsoluteType } from "@everfresh/core";
import { collectKernel, GROUP, histogramKernel, TOP_BINS } from "./difference-kernels.ts";
import { wasmModule } from "./wasm-module.ts";

/**
 * Numbers that are copied into the kernels' memory at a time: two such pieces, and what is found in
 * them, stay in a second-level cache of 512 KiB.
 */
const PIECE = 16_384;

/** Where everything lies in the kernels' memory, in bytes. */
const WANTED = 0;
const PRESENT = 4 * PIECE;
const INDICES = 8 * PIECE;
const WORDS = 12 * PIECE;
const HISTOGRAM = 16 * PIECE;
const SCRATCH = HISTOGRAM + 4 * TOP_BINS;
const PAGES = Math.ceil((SCRATCH + 4 * GROUP) / 65_536);

/** Bytes that a processor fetches from memory at a time, in float32 numbers. */
const CACHE_LINE = 16;

/** What is compared: how far `present` is from `wanted` when that is rounded to a type. */
export interface Comparison {
  readonly type: AbsoluteType;
  readonly wanted: Float32Array;
  /** As long as `wanted`. */
  readonly present: Float32Array;
  /** The first index that counts. */
  readonly from: number;
  /** The first one that counts no more. */
  readonly to: number;
}

/** Takes what a scan finds in a piece; the arrays are overwritten by the next piece. */
export type TakeFound = (indices: Uint32Array, words: Int32Array) => boolean;

type Kernel = (...values: readonly number[]) => number;

/**
 * Scans |round(wanted_i) − present_i| in WebAssembly with 128-bit vectors. The vectors may lie in
 * any memory, shared with threads or not: pieces of them are copied, which costs less than anything
 * else that can be done to memory that WebAssembly cannot see.
 */
export class DifferenceScan {
  readonly #kernels: Readonly<Record<string, Kernel>>;
  readonly #wanted: Float32Array;
  readonly #present: Float32Array;
  readonly #indices: Uint32Array;
  readonly #words: Int32Array;
  readonly #histogram: Uint32Array;

  private constructor(instance: WebAssembly.Instance) {
    const { memory, ...kernels } = instance.exports;
    const { buffer } = memory as WebAssembly.Memory;
    this.#kernels = kernels as Readonly<Record<string, Kernel>>;
    this.#wanted = new Float32Array(buffer, WANTED, PIECE);
    this.#present = new Float32Array(buffer, PRESENT, PIECE);
    this.#indices = new Uint32Array(buffer, INDICES, PIECE);
    this.#words = new Int32Array(buffer, WORDS, PIECE);
    this.#histogram = new Uint32Array(buffer, HISTOGRAM, TOP_BINS);
  }

  /** Null where WebAssembly or its vectors are missing, or where it must not be compiled. */
  static open(): DifferenceScan | null {
    try {
      const types = ["float32", "float16", "bfloat16"] as const;
      const functions = types.flatMap((type) => [collectKernel(type), histogramKernel(type)]);
      const module = new WebAssembly.Module(wasmModule(functions, PAGES));
      return new DifferenceScan(new WebAssembly.Instance(module));
    } catch {
      return null;
    }
  }

  /**
   * Gives `take` the indices of all differences of `threshold` (above 0) and more, in order, with
   * their bits, until it returns false. Returns false when a difference is not finite; the rest
   * then was not looked at.
   */
  collect(comparison: Comparison, threshold: number, take: TakeFound): boolean {
    const { from, to } = comparison;
    for (let at = from; at < to; at += PIECE) {
      const end = this.#fetch(comparison, at);
      const [indices, words] = [INDICES, WORDS];
      const run = this.#kernels[`collect-${comparison.type}`];
      const count = run?.(WANTED, PRESENT, end, at, threshold, indices, words, SCRATCH) ?? -1;
      if (count < 0) return false;
      if (count === 0) continue;
      if (!take(this.#indices.subarray(0, count), this.#words.subarray(0, count))) break;
    }
    return true;
  }

  /**
   * How many differences have which first 11 bits, by those of a float32 without its sign; valid
   * until the next call. Null when a difference is not finite.
   */
  histogram(comparison: Comparison): Uint32Array | null {
    const { from, to } = comparison;
    this.#histogram.fill(0);
    for (let at = from; at < to; at += PIECE) {
      const end = this.#fetch(comparison, at);
      const run = this.#kernels[`histogram-${comparison.type}`];
      if ((run?.(WANTED, PRESENT, end, HISTOGRAM) ?? -1) < 0) return null;
    }
    return this.#histogram;
  }

  /** Copies the piece that starts at `at`; returns where it ends in the kernels' memory. */
  #fetch({ wanted, present, to }: Comparison, at: number): number {
    const length = Math.min(PIECE, to - at);
    // Where the kernel writes next: a result that nobody takes would not be computed.
    this.#words[0] = touch(wanted, present, at, at + length);
    this.#wanted.set(wanted.subarray(at, at + length));
    this.#present.set(present.subarray(at, at + length));
    const whole = Math.ceil(length / GROUP) * GROUP;
    // Filled up with equal numbers: differences of 0 are never found.
    this.#wanted.fill(0, length, whole);
    this.#present.fill(0, length, whole);
    return WANTED + 4 * whole;
  }
}

/**
 * Reads a word of every cache line of both vectors, in four places of each at a time. A processor
 * waits for such reads together, which a copy from one end to the other does not make it do: on the
 * machine that this was measured on, they halve the time until the numbers are there.
 */
function touch(wanted: Float32Array, present: Float32Array, from: number, to: number): number {
  const a = new Int32Array(wanted.buffer, wanted.byteOffset, wanted.length);
  const b = new Int32Array(present.buffer, present.byteOffset, present.length);
  const quarter = (to - from) >> 2;
  let bits = 0;
  for (let i = from; i < from + quarter; i += CACHE_LINE) {
    bits ^= (a[i] ?? 0) ^ (a[i + quarter] ?? 0);
    bits ^= (a[i + 2 * quarter] ?? 0) ^ (a[i + 3 * quarter] ?? 0);
    bits ^= (b[i] ?? 0) ^ (b[i + quarter] ?? 0);
    bits ^= (b[i + 2 * quarter] ?? 0) ^ (b[i + 3 * quarter] ?? 0);
  }
  return bits;
}
