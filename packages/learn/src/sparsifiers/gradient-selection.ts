import type { Random, StateLayout, StateTensor } from "@everfresh/core";
import { DifferenceSelect } from "./difference-select.ts";
import type { GradientSelection } from "./gradient-spec.ts";
import { concatenated, largestPerTensor, parameterTensors, shareOf } from "./per-tensor.ts";
import { randomSubset } from "./random-subset.ts";

/** Chooses entries of vectors as long as the parameters, again and again. */
export type SelectEntries = (
  vector: Float32Array,
  ratio: number,
  random: Random,
) => Uint32Array<ArrayBuffer>;

/**
 * The entries with the largest |v_i|, or random ones; zeros are never among the largest.
 * @param tensors those to choose from
 */
export function selectionOf(
  choose: GradientSelection["choose"],
  layout: StateLayout,
  tensors: readonly StateTensor[] = parameterTensors(layout),
): SelectEntries {
  return SELECTIONS[choose](layout, tensors);
}

const SELECTIONS: {
  readonly [C in GradientSelection["choose"]]: (
    layout: StateLayout,
    tensors: readonly StateTensor[],
  ) => SelectEntries;
} = {
  global: ({ parameterCount }, tensors) => {
    const select = new DifferenceSelect();
    const present = new Float32Array(parameterCount);
    const count = tensors.reduce((sum, { length }) => sum + length, 0);
    const copy = count === parameterCount ? null : new Float32Array(parameterCount);
    return (vector, ratio) => {
      const wanted = copy === null ? vector : copyTensors(vector, tensors, copy);
      const k = Math.max(1, Math.round(ratio * count));
      const to = parameterCount;
      return select.largest({ type: "float32", wanted, present, from: 0, to }, k).indices;
    };
  },
  perTensor: ({ parameterCount }, tensors) => {
    const select = new DifferenceSelect();
    const present = new Float32Array(parameterCount);
    return (wanted, ratio) =>
      largestPerTensor(select, { type: "float32", wanted, present }, tensors, ratio).indices;
  },
  randomPerTensor: (_layout, tensors) => (_vector, ratio, random) =>
    concatenated(
      tensors.map(({ wordOffset, length }) =>
        randomSubset(random, shareOf(ratio, length), length).map((at) => wordOffset + at),
      ),
    ),
};

/** Copies some tensors of a vector; the others in `copy` stay as they are. */
function copyTensors(
  vector: Float32Array,
  tensors: readonly StateTensor[],
  copy: Float32Array,
): Float32Array {
  for (const { wordOffset, length } of tensors) {
    copy.set(vector.subarray(wordOffset, wordOffset + length), wordOffset);
  }
  return copy;
}
