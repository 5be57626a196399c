import { ShapeError, ValueRangeError } from "./errors.ts";
import { dataOf, type ModelState, type StateTensor } from "./state.ts";
import type { BufferChange } from "./update.ts";

/**
 * The bytes that buffer `entry` of `state` has after a change of it: a view of the change's own data
 * where that replaces what is there.
 * @throws ShapeError where something is added to a buffer that is not float32
 * @throws ValueRangeError where a sum is not finite
 */
export function bufferBytesAfter(
  state: ModelState,
  entry: StateTensor,
  { data, adds = false }: BufferChange,
): Uint8Array {
  if (!adds) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const old = dataOf(state, entry);
  if (!(old instanceof Float32Array) || !(data instanceof Float32Array)) {
    throw new ShapeError(
      `Update adds to buffer "${entry.name}", which is ${entry.dtype}; only float32 can be added to`,
    );
  }
  const sums = new Float32Array(old.length);
  // Stored as float32, a sum in float64 is the float32 sum: 53 bits are enough to round once.
  for (let i = 0; i < sums.length; i++) sums[i] = (old[i] ?? 0) + (data[i] ?? 0);
  const at = sums.findIndex((sum) => !Number.isFinite(sum));
  if (at >= 0) {
    throw new ValueRangeError(
      `Update makes element ${at} of buffer "${entry.name}" a value that is not finite`,
      { tensor: entry.name, element: at },
    );
  }
  return new Uint8Array(sums.buffer);
}
