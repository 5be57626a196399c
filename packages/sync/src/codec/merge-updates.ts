import {
  type DeployedState,
  FingerprintMismatchError,
  ShapeError,
  type Update,
  VersionGapError,
  viewOf,
} from "@everfresh/core";

/**
 * One update in place of several: from where the first starts to where the last ends, with the
 * float32 bits of all changed parameters and buffers from `after`, the state that the last leads to.
 * So a replica that is behind catches up at once, to the same bits.
 * @param updates in order, each from where the one before it ends; at least one
 * @throws ShapeError without updates, or for indices or buffers that `after` does not have
 * @throws VersionGapError, FingerprintMismatchError when they are no chain, or do not end at `after`
 */
export function mergeUpdates(updates: readonly Update[], after: DeployedState): Update {
  const [first] = updates;
  const last = updates[updates.length - 1];
  if (first === undefined || last === undefined) throw new ShapeError("There is nothing to merge");
  checkChain(updates, after);
  const { state } = after;
  const indices = unionOf(updates, state.layout.parameterCount);
  const bits = new Uint32Array(state.buffer, 0, state.layout.parameterCount);
  // Bits, not numbers: they are the state's own.
  const words = new Uint32Array(indices.length);
  for (let i = 0; i < words.length; i++) words[i] = bits[indices[i] ?? 0] ?? 0;
  const tensors = new Set(updates.flatMap(({ buffers }) => buffers.map(({ tensor }) => tensor)));
  return {
    fromVersion: first.fromVersion,
    toVersion: last.toVersion,
    fingerprintBefore: first.fingerprintBefore,
    fingerprintAfter: last.fingerprintAfter,
    eventTimeMs: eventTimeOf(updates),
    valueType: "float32",
    indices,
    values: new Float32Array(words.buffer),
    buffers: [...tensors].sort((a, b) => a - b).map((tensor) => bufferOf(after, tensor)),
  };
}

function checkChain(updates: readonly Update[], after: DeployedState): void {
  for (const [at, update] of updates.entries()) {
    const next = updates[at + 1];
    const end = next?.fromVersion ?? after.version;
    const fingerprint = next?.fingerprintBefore ?? after.fingerprint;
    if (update.toVersion !== end) {
      throw new VersionGapError(end, update.fromVersion, update.toVersion);
    }
    if (update.fingerprintAfter !== fingerprint) {
      throw new FingerprintMismatchError(`State ${end}`, update.fingerprintAfter, fingerprint);
    }
  }
}

/** All indices of all updates, ascending: one bit per parameter, then one pass over the bits. */
function unionOf(updates: readonly Update[], parameterCount: number): Uint32Array {
  const present = new Uint32Array(Math.ceil(parameterCount / 32));
  let count = 0;
  for (const { indices } of updates) {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] ?? 0;
      if (index >= parameterCount) {
        throw new ShapeError(`Update index ${index} is not below ${parameterCount}`);
      }
      const word = present[index >>> 5] ?? 0;
      const bit = 1 << (index & 31);
      if ((word & bit) === 0) count++;
      present[index >>> 5] = word | bit;
    }
  }
  const union = new Uint32Array(count);
  let at = 0;
  for (let word = 0; at < count; word++) {
    for (let rest = present[word] ?? 0; rest !== 0; rest &= rest - 1) {
      union[at++] = word * 32 + 31 - Math.clz32(rest & -rest);
    }
  }
  return union;
}

function bufferOf({ state }: DeployedState, tensor: number): Update["buffers"][number] {
  const entry = state.layout.tensors[tensor];
  if (entry?.role !== "buffer") {
    throw new ShapeError(`Update changes tensor ${tensor}, which is not a buffer of this state`);
  }
  const view = viewOf(entry.dtype, state.buffer, entry.byteOffset, entry.length);
  const copy = new Uint8Array(view.byteLength);
  copy.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return { tensor, data: viewOf(entry.dtype, copy.buffer, 0, entry.length) };
}

/** As the last of them that knows says: after a rollback that is earlier than before. */
function eventTimeOf(updates: readonly Update[]): number | null {
  return updates.findLast(({ eventTimeMs }) => eventTimeMs !== null)?.eventTimeMs ?? null;
}
