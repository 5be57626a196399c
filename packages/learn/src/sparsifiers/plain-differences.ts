import type { Comparison } from "../kernels/difference-scan.ts";
import { RadixSelect } from "./radix-select.ts";
import { roundAllTo } from "./rounding.ts";

/** What a selection comes to. */
export interface Selected {
  /** Ascending, counted from the start of the vectors. */
  readonly indices: Uint32Array<ArrayBuffer>;
  /** Numbers that become infinite in the type, or are none: never selected. */
  readonly unsendable: number;
}

/** {@link DifferenceSelect} in plain loops: slower, and for every kind of number. */
export class PlainDifferences {
  readonly #selects = new Map<number, RadixSelect>();
  #ranks: Float32Array<ArrayBuffer> = new Float32Array(0);
  #rounded: Float32Array<ArrayBuffer> = new Float32Array(0);

  /** See {@link DifferenceSelect.largest}. */
  largest(comparison: Comparison, k: number): Selected {
    const { from } = comparison;
    const { ranks, unsendable } = this.#rank(comparison);
    const select = this.#selects.get(from) ?? new RadixSelect();
    this.#selects.set(from, select);
    const indices = select.largest(ranks, k);
    for (let i = 0; i < indices.length; i++) indices[i] = (indices[i] ?? 0) + from;
    return { indices, unsendable };
  }

  /** See {@link DifferenceSelect.atLeast}. */
  atLeast(comparison: Comparison, threshold: number): Selected {
    const { ranks, unsendable } = this.#rank(comparison);
    let count = 0;
    for (let i = 0; i < ranks.length; i++) if ((ranks[i] ?? 0) >= threshold) count++;
    const indices = new Uint32Array(count);
    count = 0;
    for (let i = 0; i < ranks.length; i++) {
      if ((ranks[i] ?? 0) >= threshold) indices[count++] = comparison.from + i;
    }
    return { indices, unsendable };
  }

  #rank({ type, wanted, present, from, to }: Comparison): {
    readonly ranks: Float32Array;
    readonly unsendable: number;
  } {
    const length = to - from;
    const rounded = roundAllTo[type](wanted.subarray(from, to), () => {
      if (this.#rounded.length < length) this.#rounded = new Float32Array(length);
      return this.#rounded.subarray(0, length);
    });
    if (this.#ranks.length < length) this.#ranks = new Float32Array(length);
    const ranks = this.#ranks.subarray(0, length);
    return { ranks, unsendable: rank(rounded, present.subarray(from, to), ranks) };
  }
}

/** Writes |rounded − present|, 0 where `rounded` is not finite; returns how often it was not. */
function rank(rounded: Float32Array, present: Float32Array, ranks: Float32Array): number {
  // v − v is 0 for finite numbers and NaN for others: the sum tells whether there was one.
  let differences = 0;
  for (let i = 0; i < ranks.length; i++) {
    const value = rounded[i] ?? 0;
    differences += value - value;
    ranks[i] = Math.abs(value - (present[i] ?? 0));
  }
  return differences === 0 ? 0 : clearNotFinite(rounded, ranks);
}

function clearNotFinite(rounded: Float32Array, ranks: Float32Array): number {
  let notFinite = 0;
  for (let i = 0; i < ranks.length; i++) {
    if (Number.isFinite(rounded[i])) continue;
    ranks[i] = 0;
    notFinite++;
  }
  return notFinite;
}
