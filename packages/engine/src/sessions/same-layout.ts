import { ShapeError, type StateLayout } from "@everfresh/core";

/** @throws ShapeError when a snapshot has other tensors than the state that it is to replace */
export function checkSameLayout(snapshot: StateLayout, state: StateLayout): void {
  if (snapshot === state || describe(snapshot) === describe(state)) return;
  throw new ShapeError("The snapshot is of a model with other tensors; open a new session");
}

function describe(layout: StateLayout): string {
  return JSON.stringify(
    layout.tensors.map(({ name, role, dtype, shape }) => [name, role, dtype, shape]),
  );
}
