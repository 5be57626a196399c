import {
  createState,
  dataOf,
  isFeatureStatistic,
  type ModelState,
  stateLayout,
  type StateLayout,
  type StateRole,
  type StateTensor,
  type Tensor,
  tensorOf,
} from "@everfresh/core";
import type { ValueInfo } from "../graph/graph.ts";

/** One tensor of a state with its values. */
export interface StateEntry {
  readonly name: string;
  readonly role: StateRole;
  readonly tensor: Tensor;
}

/** The tensors of a state that graphs take: all but the statistics of preprocessing. */
export function graphTensors({ tensors }: StateLayout): readonly StateTensor[] {
  return tensors.filter((entry) => !isFeatureStatistic(entry));
}

/** The same as inputs of a graph. */
export function stateInputs(layout: StateLayout): readonly ValueInfo[] {
  return graphTensors(layout).map(({ name, dtype, shape }) => ({ name, dtype, shape }));
}

/** All tensors of a state, in its order; views, not copies. */
export function entriesOf(state: ModelState): readonly StateEntry[] {
  return state.layout.tensors.map(({ name, role }) => ({
    name,
    role,
    tensor: tensorOf(state, name),
  }));
}

/** A new state of these tensors, in this order but for parameters before buffers. */
export function stateOfEntries(entries: readonly StateEntry[]): ModelState {
  const ordered = [
    ...entries.filter(({ role }) => role === "parameter"),
    ...entries.filter(({ role }) => role === "buffer"),
  ];
  const layout = stateLayout(
    ordered.map(({ name, role, tensor: { dtype, shape } }) => ({ name, role, dtype, shape })),
  );
  const state = createState(layout);
  layout.tensors.forEach((entry, i) => {
    const source = ordered[i]?.tensor.data;
    const target = dataOf(state, entry);
    if (target instanceof BigInt64Array) {
      if (source instanceof BigInt64Array) target.set(source);
    } else if (source !== undefined && !(source instanceof BigInt64Array)) target.set(source);
  });
  return state;
}
