import type { KernelFunction } from "./wasm/assembler.ts";

/**
 * WebAssembly that sees parameters right after they were moved, while they are in the cache of the
 * processor that moved them.
 */
export interface MoveKernel {
  /**
   * One of them is `moved(mover, from, to)`: mover number `mover` has moved the parameters from index
   * `from`, a multiple of 16, up to but without `to`. Each mover calls it for what it moves in ascending
   * order, piece after piece, and begins anew with every step. It must not write to the state.
   */
  readonly functions: readonly KernelFunction[];
  /** The memories that the functions know, in their order; all of them shared between threads. */
  readonly memories: Readonly<Record<string, WebAssembly.Memory>>;
}

/** The threads that move the parameters of a state, each of them a part. */
export interface StateMovers {
  readonly count: number;
  /**
   * From the next step on each of them calls the kernel, in the place of the one before; a thread that
   * cannot compile it never does.
   */
  watch(kernel: MoveKernel): void;
}
