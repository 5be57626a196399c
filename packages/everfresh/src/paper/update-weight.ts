import {
  type BufferChange,
  type Clock,
  dataOf,
  deployCopy,
  type DeployedState,
  type ModelState,
  type StateChange,
  type Update,
} from "@everfresh/core";
import { sparsifierOf } from "@everfresh/learn";
import { encodeUpdate } from "@everfresh/sync";

/** An update, with what it takes to make and to send it. */
export interface WeighedUpdate {
  readonly update: Update;
  /** As replicas get it. */
  readonly bytes: number;
  readonly encodeSeconds: number;
}

/** The update that makes `change` to a deployed state, which stays as it is. */
export function weighUpdate(
  deployed: DeployedState,
  change: StateChange,
  clock: Clock,
): WeighedUpdate {
  const startMs = clock.monotonicMs();
  const { layout, buffer } = deployed.state;
  const update = deployed.updateFor(change);
  const base = new Uint32Array(buffer, 0, layout.byteLength / 4);
  const { length: bytes } = encodeUpdate(update, { layout, base });
  return { update, bytes, encodeSeconds: (clock.monotonicMs() - startMs) / 1_000 };
}

/** What {@link weighDense} found. */
export interface DenseWeight {
  readonly entries: number;
  readonly bytes: number;
  readonly selectSeconds: number;
  readonly encodeSeconds: number;
}

/** The update that brings everything of a state to a replica that has the one before. */
export function weighDense(before: ModelState, after: ModelState, clock: Clock): DenseWeight {
  const deployed = deployCopy(before, 0);
  const startMs = clock.monotonicMs();
  const dense = sparsifierOf({ kind: "dense", valueType: "float32" });
  const change = { ...dense.select(after, before), buffers: buffersOf(after) };
  const selectSeconds = (clock.monotonicMs() - startMs) / 1_000;
  const { bytes, encodeSeconds } = weighUpdate(deployed, change, clock);
  return { entries: change.indices.length, bytes, selectSeconds, encodeSeconds };
}

/** All buffers of a state, as an update has them. */
export function buffersOf(state: ModelState): readonly BufferChange[] {
  return state.layout.tensors.flatMap((entry, tensor) =>
    entry.role === "buffer" ? [{ tensor, data: dataOf(state, entry).slice() }] : [],
  );
}

/** In how many parameters two states differ, by their bits. */
export function changedParameters(before: ModelState, after: ModelState): number {
  const [a, b] = [before.parameters, after.parameters].map(
    ({ buffer, byteOffset, length }) => new Int32Array(buffer, byteOffset, length),
  );
  if (a === undefined || b === undefined) return 0;
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}

/** At how many of the indices the parameters are no longer what they were. */
export function changedOf(
  indices: Uint32Array,
  before: Float32Array,
  parameters: Float32Array,
): number {
  let count = 0;
  indices.forEach((index, i) => {
    if (!Object.is(parameters[index], before[i])) count++;
  });
  return count;
}
