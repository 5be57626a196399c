/**
 * WebAssembly for the few loops that are worth it: modules written as formulas, and their memory.
 * @module
 */
export {
  type Code,
  Frame,
  type KernelFunction,
  signed,
  unsigned,
  type ValueKind,
  type Variable,
} from "./assembler.ts";
export { kernelMemory } from "./memory.ts";
export { type Kernel, openKernels } from "./open-kernels.ts";
