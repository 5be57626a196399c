import { roundTo } from "@everfresh/core";
import { kernelMemory } from "@everfresh/core/wasm";
import type { Comparison } from "./difference-scan.ts";
import { AREA, areaBytes, moveKernel } from "./move-kernel.ts";

/** Smaller states stay in a cache, where one thread compares them in less than half a millisecond. */
const PARAMETERS_MIN = 1 << 20;

/** Where more than one of so many is wanted, what takes the time is not the looking. */
const PARAMETERS_PER_WANTED_MIN = 64;

/** Finds per wanted number that every mover has room for: all of them may lie in its part. */
const FINDS_PER_WANTED = 2;

/** Room for a whole piece more; where pieces are larger, nothing is ever found. */
const PIECE_MAX = 8_192;

/** So many finds are compared once more. */
const CHECKS_MAX = 256;

/** Takes what was found, in order. The arrays are overwritten by the next step. */
type TakeMoved = (indices: Uint32Array, words: Int32Array) => void;

/** The areas of the movers as numbers. */
interface Area {
  readonly level: Float32Array;
  readonly words: Int32Array;
  readonly indices: Uint32Array;
  readonly found: Int32Array;
}

/**
 * A scan of all differences by the threads that move what is wanted, as a part of the step: there it is
 * in a cache just then, and each of them fetches only its part of what is present.
 *
 *   lookFrom(level) ──► a step: every mover collects ──► take() ──► lookFrom(level) ──► ...
 *
 * A step whose finds nobody takes is the last one in which they look.
 */
export class MoveScan {
  readonly #comparison: Comparison;
  readonly #wantedMax: number;
  readonly #areas: readonly Area[];

  private constructor(comparison: Comparison, wantedMax: number, areas: readonly Area[]) {
    this.#comparison = comparison;
    this.#wantedMax = wantedMax;
    this.#areas = areas;
  }

  /**
   * Tells the movers to compare what they move. Null where nobody moves `wanted` as a whole, or not
   * where kernels see it, and where it would not be worth it.
   * @param k how many are wanted
   */
  static open(comparison: Comparison, k: number): MoveScan | null {
    const { type, wanted, present, memories, movers } = comparison;
    if (memories === undefined || movers === undefined) return null;
    if (wanted.length < PARAMETERS_MIN || k * PARAMETERS_PER_WANTED_MIN > wanted.length)
      return null;
    if ([wanted, present].some(({ buffer }) => buffer instanceof ArrayBuffer)) return null;
    const wantedMax = 2 * k;
    const capacity = FINDS_PER_WANTED * wantedMax + PIECE_MAX;
    const own = kernelMemory(movers.count * areaBytes(capacity), true);
    if (own === null) return null;
    const places = { wanted: wanted.byteOffset, present: present.byteOffset, capacity };
    movers.watch({
      functions: [moveKernel(type, { wanted: 1, present: 2 }, places)],
      memories: { 0: own, 1: memories.wanted, 2: memories.present },
    });
    const areas = Array.from({ length: movers.count }, (_, i) => {
      return areaAt(own.buffer, i * areaBytes(capacity), capacity);
    });
    return new MoveScan(comparison, wantedMax, areas);
  }

  /** Whether it looks at the same and has room for `k`. */
  suits({ type, wanted, present, movers }: Comparison, k: number): boolean {
    const own = this.#comparison;
    const isSame = wanted === own.wanted && present === own.present && movers === own.movers;
    return isSame && type === own.type && k <= this.#wantedMax;
  }

  /** Lets the movers collect differences of `level`, above 0, and more in the next step. */
  lookFrom(level: number): void {
    for (const area of this.#areas) {
      area.words.fill(0);
      area.level.fill(level);
    }
  }

  /**
   * Gives `take` the indices of all differences from the level on with their bits, but for those of the
   * last `wanted.length` % 16 parameters. False, after it has given none, where they are not known.
   */
  take(take: TakeMoved): boolean {
    const moved = this.#areas.reduce((sum, { words }) => sum + wordOf(words, "moved"), 0);
    const isKnown = moved === this.#comparison.wanted.length;
    const finds = this.#areas.map(({ words, indices, found }) => {
      const count = wordOf(words, "count");
      return [indices.subarray(0, count), found.subarray(0, count)] as const;
    });
    for (const { words } of this.#areas) words.fill(0);
    if (!isKnown || !finds.every(([indices, found]) => this.#areTrue(indices, found))) return false;
    for (const [indices, found] of finds) take(indices, found);
    return true;
  }

  /** Whether the states still differ by what was found: somebody may have written to one since. */
  #areTrue(indices: Uint32Array, found: Int32Array): boolean {
    const { type, wanted, present } = this.#comparison;
    const stride = Math.ceil(indices.length / CHECKS_MAX);
    const [difference, bits] = oneNumber();
    for (let i = 0; i < indices.length; i += stride) {
      const index = indices[i] ?? 0;
      difference[0] = Math.abs(roundTo(type, wanted[index] ?? 0) - (present[index] ?? 0));
      if (bits[0] !== found[i]) return false;
    }
    return true;
  }
}

function areaAt(buffer: ArrayBufferLike, start: number, capacity: number): Area {
  const indices = start + AREA.indices;
  return {
    level: new Float32Array(buffer, start + AREA.level, 4),
    words: new Int32Array(buffer, start, AREA.scratch / 4),
    indices: new Uint32Array(buffer, indices, capacity),
    found: new Int32Array(buffer, indices + 4 * capacity, capacity),
  };
}

function wordOf(words: Int32Array, name: "count" | "moved"): number {
  return words[AREA[name] / 4] ?? 0;
}

/** A float32 and its bits. */
function oneNumber(): readonly [Float32Array, Int32Array] {
  const number = new Float32Array(1);
  return [number, new Int32Array(number.buffer)];
}
