import {
  createState,
  dataOf,
  type ModelState,
  stateLayout,
  type StateRole,
  type Tensor,
  tensorOf,
} from "@everfresh/core";

/** One tensor of a state with its values. */
export interface StateEntry {
  readonly name: string;
  readonly role: StateRole;
  readonly tensor: Tensor;
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
