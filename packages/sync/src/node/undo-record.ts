/**
 * What an update replaced, so that it can be taken back: the old bits at its indices, in their order,
 * then the old bytes of its buffers, then a CRC-32. Which these are stands in the update itself.
 */
import {
  assert,
  dataOf,
  type DeployedState,
  type ModelState,
  type StateChange,
  type Update,
} from "@everfresh/core";

import { readerBeforeCrc } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { CorruptUpdateError } from "../errors.ts";

/** The undo record of a change that `before` has not taken yet. */
export function undoRecordOf(
  before: ModelState,
  { indices, buffers }: Pick<StateChange, "indices" | "buffers">,
): Uint8Array {
  const old = new Uint32Array(before.buffer, 0, before.layout.parameterCount);
  const words = new Uint32Array(indices.length);
  for (let i = 0; i < words.length; i++) words[i] = old[indices[i] ?? 0] ?? 0;
  const writer = new ByteWriter(words.byteLength + 64);
  writer.raw(new Uint8Array(words.buffer));
  for (const { tensor } of buffers) writer.raw(bytesOfBuffer(before, tensor));
  return writer.finishWithCrc();
}

/**
 * Takes `update` back: `state`, which it has led to, becomes what was before it.
 * @throws CorruptUpdateError when the record is damaged or of another update; nothing is changed then
 */
export function takeBack(state: ModelState, update: StateChange, undo: Uint8Array): void {
  const { indices, buffers } = update;
  const fail = (reason: string): CorruptUpdateError =>
    new CorruptUpdateError(`undo record: ${reason}`);
  const reader = readerBeforeCrc(undo, fail, 0);
  const words = new Uint32Array(reader.raw(indices.length * 4).slice().buffer);
  const olds = buffers.map(({ tensor }) => reader.raw(bytesOfBuffer(state, tensor).byteLength));
  reader.end();
  const bits = new Uint32Array(state.buffer, 0, state.layout.parameterCount);
  for (let i = 0; i < words.length; i++) bits[indices[i] ?? 0] = words[i] ?? 0;
  for (const [at, { tensor }] of buffers.entries()) {
    bytesOfBuffer(state, tensor).set(olds[at] ?? new Uint8Array());
  }
}

/**
 * The change that leads from `from` to the values of `to`, whatever they are: lossless, and only what
 * differs. Both have the same layout.
 */
export function losslessChange(from: DeployedState, to: ModelState): StateChange {
  const { state } = from;
  const { layout } = state;
  const old = new Uint32Array(state.buffer, 0, layout.parameterCount);
  const wanted = new Uint32Array(to.buffer, 0, layout.parameterCount);
  let count = 0;
  for (let i = 0; i < old.length; i++) if (old[i] !== wanted[i]) count++;
  const indices = new Uint32Array(count);
  const words = new Uint32Array(count);
  for (let i = 0, at = 0; at < count; i++) {
    if (old[i] === wanted[i]) continue;
    indices[at] = i;
    words[at++] = wanted[i] ?? 0;
  }
  return {
    valueType: "float32",
    indices,
    values: new Float32Array(words.buffer),
    buffers: changedBuffers(state, to),
  };
}

function changedBuffers(from: ModelState, to: ModelState): Update["buffers"] {
  return to.layout.tensors.flatMap((entry, tensor) => {
    if (entry.role !== "buffer") return [];
    const before = bytesOfBuffer(from, tensor);
    const after = bytesOfBuffer(to, tensor);
    const isSame = before.every((byte, i) => byte === after[i]);
    return isSame ? [] : [{ tensor, data: dataOf(to, entry).slice() }];
  });
}

function bytesOfBuffer(state: ModelState, tensor: number): Uint8Array {
  const entry = state.layout.tensors[tensor];
  assert(entry?.role === "buffer", `tensor ${tensor} is a buffer`);
  const { buffer, byteOffset, byteLength } = dataOf(state, entry);
  return new Uint8Array(buffer, byteOffset, byteLength);
}
