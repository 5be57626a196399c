// Small enough that a vector of any model makes several calls, large enough that calls cost nothing.
const BLOCK = 4_096;

/**
 * Calls `kernel` for one range after the other until `length` elements are covered.
 *
 * Why not one loop over everything: V8 compiles a long loop while it runs, with code that has never
 * seen the end of that loop. It falls back to slow code there, every time anew, and the function is
 * called too rarely to be compiled as a whole. Called per block, it is.
 */
export function inBlocks(length: number, kernel: (from: number, to: number) => void): void {
  for (let from = 0; from < length; from += BLOCK) kernel(from, Math.min(from + BLOCK, length));
}
