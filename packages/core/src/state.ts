import { bytesPerElement, type DType, isDType, type TensorData, viewOf } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import type { StateMovers } from "./state-movers.ts";
import { checkShape, type Shape, sizeOf, type Tensor } from "./tensor.ts";
import { kernelMemory } from "./wasm/memory.ts";

/** Parameters change by gradients; buffers are what training changes otherwise. */
export type StateRole = "parameter" | "buffer";

/** One tensor of a state before it has a place. */
export interface StateTensorSpec {
  /** Unique name, as in the model graph. */
  readonly name: string;
  readonly role: StateRole;
  /** Parameters are float32; buffers may have any dtype. */
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One tensor of a state with its place in memory. */
export interface StateTensor extends StateTensorSpec {
  /** Number of elements. */
  readonly length: number;
  /** Where the tensor starts in the state's buffer, in bytes; a multiple of 8 for buffers, of 4 for parameters. */
  readonly byteOffset: number;
  /**
   * For a parameter: index of its first element in the flat list of all parameters.
   * For a buffer: continues that count in 32-bit words, so that every word of a state has one index.
   */
  readonly wordOffset: number;
}

/**
 * Which tensors a state has and where they lie: all parameters first, without gaps, as one flat
 * float32 vector, then the buffers. The order is canonical: fingerprints and updates depend on it.
 */
export interface StateLayout {
  readonly tensors: readonly StateTensor[];
  /** Elements of all parameters together. */
  readonly parameterCount: number;
  /** Bytes of a whole state. */
  readonly byteLength: number;
}

/** The values of all parameters and buffers of a model at one moment. */
export interface ModelState {
  readonly layout: StateLayout;
  /**
   * The memory of all tensors; may be shared between threads, and may go on behind the last one:
   * {@link stateBytes} does not.
   */
  readonly buffer: ArrayBufferLike;
  /** All parameters as one flat vector: a view, not a copy. */
  readonly parameters: Float32Array;
  /** Whose buffer it is, where WebAssembly kernels can be opened on it. */
  readonly memory?: WebAssembly.Memory;
  /** Who moves the parameters, where kernels can watch that. */
  readonly movers?: StateMovers;
}

/**
 * Gives every tensor its place; parameters come first, otherwise the given order is kept.
 * @throws ShapeError for a repeated name, an impossible shape or a parameter that is not float32.
 */
export function stateLayout(specs: readonly StateTensorSpec[]): StateLayout {
  const names = new Set<string>();
  for (const spec of specs) {
    checkShape(spec.shape);
    if (names.has(spec.name)) throw new ShapeError(`State tensor "${spec.name}" is there twice`);
    names.add(spec.name);
    if (!isDType(spec.dtype)) {
      throw new ShapeError(`State tensor "${spec.name}" has unknown dtype "${String(spec.dtype)}"`);
    }
    if (spec.role === "parameter" && spec.dtype !== "float32") {
      throw new ShapeError(`Parameter "${spec.name}" is ${spec.dtype}; parameters are float32`);
    }
  }
  const ordered = [
    ...specs.filter((spec) => spec.role === "parameter"),
    ...specs.filter((spec) => spec.role === "buffer"),
  ];
  const tensors: StateTensor[] = [];
  let byteOffset = 0;
  let wordOffset = 0;
  let parameterCount = 0;
  for (const { name, role, dtype, shape } of ordered) {
    const length = sizeOf(shape);
    if (role === "parameter") parameterCount += length;
    else byteOffset = alignTo8(byteOffset);
    tensors.push({ name, role, dtype, shape, length, byteOffset, wordOffset });
    byteOffset += length * bytesPerElement(dtype);
    wordOffset += length * Math.ceil(bytesPerElement(dtype) / 4);
  }
  return { tensors, parameterCount, byteLength: alignTo8(byteOffset) };
}

/** Where a state is made. */
export interface StateOptions {
  /** In memory that worker threads can see too. @default false */
  readonly shared?: boolean;
  /**
   * In WebAssembly memory, where kernels work on it without a copy; where there is no such memory,
   * in ordinary memory.
   * @default false
   */
  readonly kernels?: boolean;
}

/** A state of zeros. */
export function createState(layout: StateLayout, options: StateOptions = {}): ModelState {
  const { shared = false, kernels = false } = options;
  const bytes = layout.byteLength;
  const memory = kernels ? kernelMemory(bytes, shared) : null;
  if (memory === null) {
    return stateOn(layout, shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  }
  return stateWithin(layout, memory.buffer, memory);
}

/**
 * A state over existing memory, without a copy.
 * @throws ShapeError when the memory has another size than the layout needs.
 */
export function stateOn(layout: StateLayout, buffer: ArrayBufferLike): ModelState {
  if (buffer.byteLength !== layout.byteLength) {
    throw new ShapeError(`State needs ${layout.byteLength} bytes, got ${buffer.byteLength}`, {
      expected: layout.byteLength,
      actual: buffer.byteLength,
    });
  }
  return stateWithin(layout, buffer);
}

/**
 * A state at the beginning of memory that may go on behind it, without a copy.
 * @param memory whose buffer that is, if it is WebAssembly's
 * @throws ShapeError when the memory is too small for the layout.
 */
export function stateWithin(
  layout: StateLayout,
  buffer: ArrayBufferLike,
  memory: WebAssembly.Memory | null = null,
): ModelState {
  if (buffer.byteLength < layout.byteLength) {
    throw new ShapeError(`State needs ${layout.byteLength} bytes, got ${buffer.byteLength}`, {
      expected: layout.byteLength,
      actual: buffer.byteLength,
    });
  }
  const parameters = new Float32Array(buffer, 0, layout.parameterCount);
  return { layout, buffer, parameters, ...(memory === null ? {} : { memory }) };
}

/** All bytes of a state, and no others: a view, not a copy. */
export function stateBytes({ layout, buffer }: ModelState): Uint8Array {
  return new Uint8Array(buffer, 0, layout.byteLength);
}

/** The data of one tensor of a state: a view, not a copy. */
export function dataOf(state: ModelState, entry: StateTensor): TensorData {
  return viewOf(entry.dtype, state.buffer, entry.byteOffset, entry.length);
}

/**
 * One tensor of a state by name: a view, not a copy.
 * @throws ShapeError when the state has no such tensor.
 */
export function tensorOf(state: ModelState, name: string): Tensor {
  const entry = state.layout.tensors.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new ShapeError(`State has no tensor "${name}"`, { name });
  return { dtype: entry.dtype, shape: entry.shape, data: dataOf(state, entry) };
}

/** Copies all values bit for bit; both states must have the same layout. */
export function copyState(from: ModelState, to: ModelState): void {
  if (from.layout.byteLength !== to.layout.byteLength) {
    throw new ShapeError("States of different layouts cannot be copied into each other");
  }
  stateBytes(to).set(stateBytes(from));
}

/** A copy with its own memory. */
export function cloneState(state: ModelState, options: StateOptions = {}): ModelState {
  const copy = createState(state.layout, options);
  copyState(state, copy);
  return copy;
}

function alignTo8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
