import { kernelMemory } from "@everfresh/core/wasm";

/** Every vector begins on a cache line and may be written up to the end of its last one. */
const ALIGNMENT_BYTES = 64;

/**
 * Vectors of zeros of these lengths in one new memory; null where there is no such memory, as for
 * more than 4 GiB.
 * @param shared whether threads shall see it
 */
export function allocateVectors(
  lengths: readonly number[],
  shared: boolean,
): { readonly memory: WebAssembly.Memory; readonly vectors: readonly Float32Array[] } | null {
  const offsets: number[] = [];
  let bytes = 0;
  for (const length of lengths) {
    offsets.push(bytes);
    bytes += Math.ceil((4 * length) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  }
  const memory = kernelMemory(bytes, shared);
  if (memory === null) return null;
  return {
    memory,
    vectors: lengths.map((length, i) => new Float32Array(memory.buffer, offsets[i], length)),
  };
}
