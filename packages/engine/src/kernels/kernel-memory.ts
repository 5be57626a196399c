/** WebAssembly memory with vectors of float32 numbers that kernels work on. */

/** Every vector begins on a cache line and may be written up to the end of its last one. */
const ALIGNMENT_BYTES = 64;
const PAGE_BYTES = 65_536;
const PAGES_MAX = 65_536; // 4 GiB: addresses have 32 bits

/** Memory that kernels can be opened on, in this thread or, where it is shared, in any. */
export interface KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly pages: number;
  readonly shared: boolean;
}

/**
 * Vectors of zeros of these lengths in one new memory; null where there is no such memory, as for
 * more than 4 GiB.
 * @param shared whether threads shall see it
 */
export function allocateVectors(
  lengths: readonly number[],
  shared: boolean,
): { readonly memory: KernelMemory; readonly vectors: readonly Float32Array[] } | null {
  const offsets: number[] = [];
  let bytes = 0;
  for (const length of lengths) {
    offsets.push(bytes);
    bytes += Math.ceil((4 * length) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  }
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES));
  if (pages > PAGES_MAX) return null;
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch {
    return null; // not that much memory, or none that can be shared
  }
  return {
    memory: { memory, pages, shared },
    vectors: lengths.map((length, i) => new Float32Array(memory.buffer, offsets[i], length)),
  };
}
