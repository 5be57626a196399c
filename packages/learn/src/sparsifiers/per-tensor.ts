import type { StateLayout, StateTensor } from "@everfresh/core";
import type { Comparison } from "../kernels/difference-scan.ts";
import type { DifferenceSelect } from "./difference-select.ts";
import type { Selected } from "./plain-differences.ts";

/** The parameter tensors of a layout that have entries, in their order. */
export function parameterTensors({ tensors }: StateLayout): readonly StateTensor[] {
  return tensors.filter(({ role, length }) => role === "parameter" && length > 0);
}

/**
 * How many of `length` entries a ratio is: max(1, ⌊ratio · length⌋), as in the code of Prapas et
 * al. (2021). A product that is a whole number but for its rounding is that number.
 */
export function shareOf(ratio: number, length: number): number {
  return Math.min(length, Math.max(1, Math.floor(ratio * length * (1 + 2 ** -40))));
}

/** The largest differences of each tensor, the same share of all and at least one of each. */
export function largestPerTensor(
  select: DifferenceSelect,
  comparison: Omit<Comparison, "from" | "to">,
  tensors: readonly StateTensor[],
  ratio: number,
): Selected {
  const parts = tensors.map(({ wordOffset, length }) =>
    select.largest(
      { ...comparison, from: wordOffset, to: wordOffset + length },
      shareOf(ratio, length),
    ),
  );
  return {
    indices: concatenated(parts.map(({ indices }) => indices)),
    unsendable: parts.reduce((sum, { unsendable }) => sum + unsendable, 0),
  };
}

/** One vector after the other. */
export function concatenated(parts: readonly Uint32Array[]): Uint32Array<ArrayBuffer> {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
