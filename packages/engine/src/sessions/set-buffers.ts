/** Whole buffers of a state in training that somebody else has computed. */
import {
  type BufferChange,
  bytesPerElement,
  dataOf,
  type ModelState,
  ShapeError,
  type StateLayout,
} from "@everfresh/core";

/** @throws ShapeError unless the change is the whole content of a buffer of this layout */
export function checkBuffer(
  layout: StateLayout,
  { tensor, data, adds = false }: BufferChange,
): void {
  const entry = layout.tensors[tensor];
  if (entry?.role !== "buffer") {
    throw new ShapeError(`Tensor ${tensor} is not a buffer of this state`, { tensor });
  }
  if (adds) throw new ShapeError(`Buffer "${entry.name}" can only be set, not added to`);
  const expected = entry.length * bytesPerElement(entry.dtype);
  if (data.byteLength === expected) return;
  throw new ShapeError(`Buffer "${entry.name}" has ${expected} bytes, got ${data.byteLength}`, {
    expected,
    actual: data.byteLength,
  });
}

/** Writes a buffer that {@link checkBuffer} has let through. */
export function writeBuffer(state: ModelState, { tensor, data }: BufferChange): void {
  const entry = state.layout.tensors[tensor];
  if (entry === undefined) return;
  const target = dataOf(state, entry);
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
}
