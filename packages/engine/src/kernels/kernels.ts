import { assert } from "@everfresh/core";
import { type Kernel, type KernelFunction, openKernels } from "@everfresh/core/wasm";
import { type NaturalNumbers, naturalSquares } from "../optimizers/natural-gradient.ts";
import { addScaledKernel, flushKernel, naturalKernel, scaleKernel } from "./gradient-kernels.ts";
import {
  adamKernel,
  adamName,
  type AdamTerms,
  sgdKernel,
  sgdName,
  type SgdTerms,
} from "./optimizer-kernels.ts";

/** The numbers of one step of SGD. */
export interface SgdNumbers {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/** The numbers of one step of Adam; fresh is 1 − β. */
export interface AdamNumbers {
  readonly weightDecay: number;
  readonly fresh1: number;
  readonly beta2: number;
  readonly fresh2: number;
  readonly stepSize: number;
  readonly correction: number;
  readonly epsilon: number;
  readonly kept: number;
}

const BOTH = [false, true];

/**
 * Loops over vectors in WebAssembly with 128-bit vectors: each gives the same bits as the loop in
 * TypeScript that its comment names, several times as fast. All vectors must lie in the memory that
 * the kernels were opened on, as `allocateVectors` made them, or be parts of those from a multiple of
 * 16 elements on; they may be written up to the next multiple of 4 elements.
 */
export class Kernels {
  readonly #exports: Readonly<Record<string, Kernel>>;

  private constructor(exports: Readonly<Record<string, Kernel>>) {
    this.#exports = exports;
  }

  /**
   * Opens the kernels on `memory` in this thread; null where WebAssembly or its vectors are missing,
   * or where it must not be compiled.
   */
  static open(memory: WebAssembly.Memory): Kernels | null {
    try {
      return new Kernels(openKernels(kernelFunctions(), { memory }));
    } catch {
      return null;
    }
  }

  /** Sets denormal numbers to 0; whether all others are below 2⁴⁸ (`publishGradients`). */
  flush(values: Float32Array): boolean {
    if (values.length === 0) return true;
    return this.#run("flush", values.byteOffset, bytesOf(values)) === 0;
  }

  /** result ← values · factor (`meanOf` of one row) */
  scale(values: Float32Array, factor: number, result: Float32Array): void {
    if (result.length === 0) return;
    this.#run("scale", values.byteOffset, result.byteOffset, bytesOf(result), factor);
  }

  /** result ← (a + b) · factor (`meanOf` of two rows) */
  addScaled(a: Float32Array, b: Float32Array, factor: number, result: Float32Array): void {
    if (result.length === 0) return;
    const addresses = [a.byteOffset, b.byteOffset, result.byteOffset];
    this.#run("addScaled", ...addresses, bytesOf(result), factor);
  }

  /** Σ g² / (scale · v + damping) (`naturalSquares`), of vectors that are one block of that. */
  naturalSquares(
    gradients: Float32Array,
    second: Float32Array,
    { scale, damping }: NaturalNumbers,
  ): number {
    // What lies behind a vector must not be added to the sum.
    const whole = gradients.length - (gradients.length % 4);
    const addresses = [gradients.byteOffset, second.byteOffset];
    const sum =
      whole === 0 ? 0 : (this.#run("natural", ...addresses, 4 * whole, scale, damping) ?? NaN);
    const rest = [gradients.subarray(whole), second.subarray(whole)] as const;
    return sum + naturalSquares(...rest, { scale, damping });
  }

  /** One step of SGD (`sgdOptimizer`); the velocity only with momentum. */
  sgd(
    terms: SgdTerms,
    vectors: {
      readonly gradients: Float32Array;
      readonly parameters: Float32Array;
      readonly velocity?: Float32Array | undefined;
    },
    { learningRate, momentum, weightDecay }: SgdNumbers,
  ): void {
    const { gradients, parameters, velocity } = vectors;
    assert(!terms.momentum || velocity !== undefined, "SGD with momentum needs its vector");
    if (parameters.length === 0) return;
    const addresses = [gradients.byteOffset, parameters.byteOffset, velocity?.byteOffset ?? 0];
    const numbers = [learningRate, momentum, weightDecay];
    this.#run(sgdName(terms), ...addresses, bytesOf(parameters), ...numbers);
  }

  /** One step of Adam (`adamOptimizer`); the largest second moment only with amsgrad. */
  adam(
    terms: AdamTerms,
    vectors: {
      readonly gradients: Float32Array;
      readonly parameters: Float32Array;
      readonly first: Float32Array;
      readonly second: Float32Array;
      readonly secondMax?: Float32Array | undefined;
    },
    numbers: AdamNumbers,
  ): void {
    const { gradients, parameters, first, second, secondMax } = vectors;
    assert(!terms.amsgrad || secondMax !== undefined, "AMSGrad needs the largest second moment");
    if (parameters.length === 0) return;
    const addresses = [gradients, parameters, first, second].map((vector) => vector.byteOffset);
    this.#run(
      adamName(terms),
      ...[...addresses, secondMax?.byteOffset ?? 0, bytesOf(parameters)],
      ...[numbers.weightDecay, numbers.fresh1, numbers.beta2, numbers.fresh2],
      ...[numbers.stepSize, numbers.correction, numbers.epsilon, numbers.kept],
    );
  }

  #run(name: string, ...values: readonly number[]): number | undefined {
    const kernel = this.#exports[name];
    assert(kernel !== undefined, `there is a kernel ${name}`);
    return kernel(...values);
  }
}

/** All kernels, with every combination of terms. */
function kernelFunctions(): readonly KernelFunction[] {
  const sgd = BOTH.flatMap((decay) => [
    sgdKernel({ decay, momentum: false, nesterov: false }),
    ...BOTH.map((nesterov) => sgdKernel({ decay, momentum: true, nesterov })),
  ]);
  const adam = BOTH.flatMap((decay) => BOTH.map((amsgrad) => adamKernel({ decay, amsgrad })));
  return [flushKernel(), scaleKernel(), addScaledKernel(), naturalKernel(), ...sgd, ...adam];
}

/** Bytes of a vector up to the next multiple of sixteen. */
function bytesOf({ length }: Float32Array): number {
  return Math.ceil(length / 4) * 16;
}
