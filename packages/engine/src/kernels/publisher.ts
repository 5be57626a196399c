import { assert } from "@everfresh/core";
import { openKernels } from "@everfresh/core/wasm";
import { publishKernel } from "./gradient-kernels.ts";

/** Addresses of what is read and of where it goes, and how many bytes: a multiple of sixteen. */
type PublishFunction = (source: number, values: number, bytes: number) => number;

/**
 * Copies vectors from memory of one thread to memory that threads share, setting denormal numbers to
 * 0 on the way: one pass where a copy and Kernels.flush() take two.
 */
export class Publisher {
  readonly #publish: PublishFunction;

  private constructor(publish: PublishFunction) {
    this.#publish = publish;
  }

  /** Opens it in this thread; null where WebAssembly has no functions over two memories. */
  static open(source: WebAssembly.Memory, target: WebAssembly.Memory): Publisher | null {
    try {
      const kernels = openKernels([publishKernel()], { target, source });
      return new Publisher(kernels["publish"] as PublishFunction);
    } catch {
      return null;
    }
  }

  /**
   * Copies `source` to `target`, each a vector of its memory as `allocateVectors` made it; whether all
   * numbers are below 2⁴⁸ (`publishGradients`).
   */
  publish(source: Float32Array, target: Float32Array): boolean {
    assert(source.length === target.length, "both vectors are of the same length");
    if (source.length === 0) return true;
    const bytes = Math.ceil(source.length / 4) * 16;
    return this.#publish(source.byteOffset, target.byteOffset, bytes) === 0;
  }
}
