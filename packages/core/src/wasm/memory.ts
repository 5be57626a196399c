const PAGE_BYTES = 65_536;

/** 4 GiB: addresses have 32 bits. */
export const WASM_PAGES_MAX = 65_536;

/** Memory of zeros that kernels can work on; null where there is no such memory, or not so much. */
export function kernelMemory(bytes: number, shared: boolean): WebAssembly.Memory | null {
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES));
  if (pages > WASM_PAGES_MAX) return null;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch {
    return null;
  }
}
