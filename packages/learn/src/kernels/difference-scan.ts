import type { AbsoluteType, StateMovers } from "@everfresh/core";
import { type Kernel, openKernels } from "@everfresh/core/wasm";
import { collectKernel, GROUP, type VectorMemories } from "./difference-kernels.ts";
import { touchKernel } from "./touch-kernel.ts";

/**
 * Numbers that kernels look at between two looks at what they found; where they have to be copied,
 * two such pieces, and what is found in them, stay in a second-level cache of 512 KiB.
 */
const PIECE = 16_384;

/** Where everything lies in the scan's own memory, in bytes. */
const WANTED = 0;
const PRESENT = 4 * PIECE;
const INDICES = 8 * PIECE;
const WORDS = 12 * PIECE;
const SCRATCH = 16 * PIECE;
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
  /** What the two lie in, where both are in WebAssembly memory: then nothing is copied. */
  readonly memories?: ComparedMemories | undefined;
  /** Who moves what is wanted, where all of that is compared. */
  readonly movers?: StateMovers | undefined;
}

/** Memories that kernels can be opened on; they may be the same. */
export interface ComparedMemories {
  readonly wanted: WebAssembly.Memory;
  readonly present: WebAssembly.Memory;
}

/**
 * Takes what a scan finds in a piece, and says from where on differences count in the next one. The
 * arrays are overwritten by that.
 */
export type TakeFound = (indices: Uint32Array, words: Int32Array) => number;

type Kernels = Readonly<Record<string, Kernel>>;

/**
 * Scans |round(wanted_i) − present_i| in WebAssembly with 128-bit vectors. The vectors may lie in
 * any memory, shared with threads or not: where WebAssembly cannot see it, pieces are copied.
 */
export class DifferenceScan {
  readonly #own: WebAssembly.Memory;
  /** On pieces that were copied. */
  readonly #kernels: Kernels;
  /** On the vectors where they are, for the memories that were compared last; null if that failed. */
  #direct: { readonly memories: ComparedMemories; readonly kernels: Kernels | null } | null = null;
  readonly #wanted: Float32Array;
  readonly #present: Float32Array;
  readonly #indices: Uint32Array;
  readonly #words: Int32Array;

  private constructor(own: WebAssembly.Memory, kernels: Kernels) {
    const { buffer } = own;
    this.#own = own;
    this.#kernels = kernels;
    this.#wanted = new Float32Array(buffer, WANTED, PIECE);
    this.#present = new Float32Array(buffer, PRESENT, PIECE);
    this.#indices = new Uint32Array(buffer, INDICES, PIECE);
    this.#words = new Int32Array(buffer, WORDS, PIECE);
  }

  /** Null where WebAssembly or its vectors are missing, or where it must not be compiled. */
  static open(): DifferenceScan | null {
    try {
      const own = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
      return new DifferenceScan(own, kernelsOn([own], { wanted: 0, present: 0 }));
    } catch {
      return null;
    }
  }

  /**
   * Gives `take` the indices of all differences of `threshold` (above 0) and more, in order, with
   * their bits; the threshold may change from piece to piece. Returns false when a difference is not
   * finite, or nearly so; the rest then was not looked at.
   */
  collect(comparison: Comparison, threshold: number, take: TakeFound): boolean {
    const { type, from, to, wanted, present, memories } = comparison;
    const direct = memories === undefined ? null : this.#directOn(memories);
    let level = threshold;
    for (let at = from; at < to; at += PIECE) {
      const length = Math.min(PIECE, to - at);
      // Kernels take whole groups; what is behind the last number is none of their business.
      const isDirect = direct !== null && length % GROUP === 0;
      const kernels = isDirect ? direct : this.#kernels;
      let [a, b] = [WANTED, PRESENT];
      if (isDirect) {
        [a, b] = [wanted.byteOffset + 4 * at, present.byteOffset + 4 * at];
        kernels["touch"]?.(a, b, length);
      } else {
        this.#fetch(comparison, at, length);
      }
      const end = a + 4 * Math.ceil(length / GROUP) * GROUP;
      const run = kernels[`collect-${type}`];
      const count = run?.(a, b, end, at, level, INDICES, WORDS, SCRATCH) ?? -1;
      if (count < 0) return false;
      if (count === 0) continue;
      level = take(this.#indices.subarray(0, count), this.#words.subarray(0, count));
    }
    return true;
  }

  /** Kernels on these memories; null where there can be none. */
  #directOn(memories: ComparedMemories): Kernels | null {
    const { wanted, present } = memories;
    const last = this.#direct;
    if (last?.memories.wanted === wanted && last.memories.present === present) return last.kernels;
    let kernels: Kernels | null;
    try {
      kernels = kernelsOn([this.#own, wanted, present], { wanted: 1, present: 2 });
    } catch {
      kernels = null; // not more than one memory
    }
    this.#direct = { memories, kernels };
    return kernels;
  }

  /** Copies the piece of this length that starts at `at`, filled up to whole groups. */
  #fetch({ wanted, present }: Comparison, at: number, length: number): void {
    // Where the kernel writes next: a result that nobody takes would not be computed.
    this.#words[0] = touch(wanted, present, at, at + length);
    this.#wanted.set(wanted.subarray(at, at + length));
    this.#present.set(present.subarray(at, at + length));
    const whole = Math.ceil(length / GROUP) * GROUP;
    // Filled up with equal numbers: differences of 0 are never found.
    this.#wanted.fill(0, length, whole);
    this.#present.fill(0, length, whole);
  }
}

/** All kernels on memories of which the first one is the scan's own. */
function kernelsOn(memories: readonly WebAssembly.Memory[], vectors: VectorMemories): Kernels {
  const types = ["float32", "float16", "bfloat16"] as const;
  const functions = [...types.map((type) => collectKernel(type, vectors)), touchKernel(vectors)];
  return openKernels(functions, Object.fromEntries(memories.map((memory, i) => [`${i}`, memory])));
}

/**
 * As the kernel of this name. On the machine that this was measured on, it halves the time until the
 * numbers are there.
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
