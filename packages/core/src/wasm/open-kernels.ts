import { assemble, type KernelFunction, MEMORIES } from "./assembler.ts";

/** A function of a module; what returns nothing gives `undefined`. */
export type Kernel = (...values: readonly number[]) => number | undefined;

/**
 * Compiles functions in this thread that work on memories, which they know by their number in the
 * order of the names.
 * @throws Error of any kind where WebAssembly, its vectors or more than one memory are missing, or where
 * nothing may be compiled
 */
export function openKernels(
  functions: readonly KernelFunction[],
  memories: Readonly<Record<string, WebAssembly.Memory>>,
): Readonly<Record<string, Kernel>> {
  const imports = Object.entries(memories).map(([name, { buffer }]) => ({
    name,
    shared: !(buffer instanceof ArrayBuffer),
  }));
  const module = new WebAssembly.Module(assemble(functions, imports));
  const { exports } = new WebAssembly.Instance(module, { [MEMORIES]: memories });
  return exports as unknown as Readonly<Record<string, Kernel>>;
}
