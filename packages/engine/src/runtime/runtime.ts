import type { DType, Tensor } from "@everfresh/core";

/** Which build of ONNX Runtime executes graphs. */
export type Backend = "native" | "wasm";

/** What computes: an execution provider of ONNX Runtime. */
export type Provider = "cpu" | "webgpu" | "cuda";

/** Which ONNX Runtime to load. */
export interface RuntimeRequest {
  /** @default the native build where it loads, else the WASM one */
  readonly backend?: Backend;
  /** @default "cpu" */
  readonly provider?: Provider;
}

/** Which ONNX Runtime was loaded. */
export interface RuntimeReport {
  readonly backend: Backend;
  readonly provider: Provider;
  /** Version of ONNX Runtime, such as "1.30.0". */
  readonly version: string;
  /** Why the native build is not used although nothing else was asked for; null when it is. */
  readonly fallbackReason: string | null;
}

/** One build of ONNX Runtime in one thread. */
export interface Runtime extends RuntimeReport {
  /**
   * Opens a graph.
   * @param threads threads that one run may use; the WASM build in Node always uses 1
   * @throws RuntimeFailedError when ONNX Runtime refuses the graph
   */
  open(onnx: Uint8Array, options: { readonly threads: number }): Promise<GraphSession>;
}

/** Loads ONNX Runtime into this thread, or throws RuntimeUnavailableError. */
export type LoadRuntime = (request: RuntimeRequest) => Promise<Runtime>;

/** An opened graph. */
export interface GraphSession {
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /**
   * Ties tensors to the graph's inputs and outputs by name. Their memory must not be shared between
   * threads: ONNX Runtime refuses that. What is in the input arrays counts at each run.
   */
  bind(inputs: NamedTensors, outputs: NamedTensors): BoundRun;
  /** Frees the graph; no run may follow. */
  release(): Promise<void>;
}

/** Tensors by the name of the graph's input or output. */
export type NamedTensors = ReadonlyMap<string, Tensor>;

/**
 * Runs the graph once: reads the bound inputs, writes the bound outputs. The native build computes
 * before it returns; the promise of the WASM build must be awaited before the next run.
 * @throws RuntimeFailedError (or rejects with it) when the run fails
 */
export type BoundRun = () => void | Promise<void>;

/** Name, type and shape of an input or output. */
export interface GraphValue {
  readonly name: string;
  readonly dtype: DType;
  /** Sizes per dimension; null where the size is only known when running. */
  readonly shape: readonly (number | null)[];
}
