import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { type DType, isDType, type Tensor } from "@everfresh/core";
import { RuntimeFailedError } from "../errors.ts";
import type {
  BoundRun,
  GraphSession,
  GraphValue,
  NamedTensors,
  Provider,
  Runtime,
} from "./runtime.ts";

// The synchronous binding inside onnxruntime-node. Its public API wraps every run into setImmediate,
// which costs more than a small model; here runs happen in worker threads that may block.
interface Binding {
  readonly InferenceSession: new () => NativeSession;
  /** The last call in a thread counts. */
  initOrtOnce(logLevel: number, Tensor: OrtTensorConstructor, isMainThread: boolean): void;
}

interface NativeSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  readonly inputMetadata: readonly NativeMetadata[];
  readonly outputMetadata: readonly NativeMetadata[];
  run(feeds: OrtTensors, fetches: OrtTensors, options: object): unknown;
  dispose(): void;
}

interface NativeMetadata {
  readonly name: string;
  /** Element type as in ONNX's TensorProto.DataType. */
  readonly type: number;
  /** −1 where the dimension is symbolic. */
  readonly shape: readonly number[];
}

type OrtTensors = Readonly<Record<string, object>>;
type OrtTensorConstructor = new (type: string, data: unknown, dims: readonly number[]) => object;

/** Warnings and what is worse, as onnxruntime-node has it. */
const LOG_LEVEL = 2;

/** To throw through the binding takes about 30 µs, to copy this much longer. */
const REFUSED_BYTES_MIN = 65_536;

/** Made once, because making an error costs as much as throwing it. */
const REFUSAL: Error = new Error("results of runs are not wanted");

// TensorProto.DataType (onnx.proto3) of the dtypes that exist here.
const ONNX_TYPES: { readonly [D in DType]: number } = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
};

/**
 * The native build of ONNX Runtime, from the optional package `onnxruntime-node`.
 * @param provider what computes; not checked before a graph is opened
 * @throws Error of any kind when the package is not installed or does not load on this machine
 */
export function loadNativeRuntime(provider: Provider): Runtime {
  const require = createRequire(import.meta.url);
  const path = require.resolve("onnxruntime-node/dist/binding.js");
  const { binding, initOrt } = require(path) as { binding: Binding; initOrt: () => void };
  const { version } = require("onnxruntime-node/package.json") as { version: string };
  // The very class that the binding is initialised with.
  const { Tensor } = createRequire(path)("onnxruntime-common") as {
    Tensor: OrtTensorConstructor;
  };
  const results = new Results(Tensor);
  initOrt();
  binding.initOrtOnce(LOG_LEVEL, results.Tensor, isMainThread);
  return {
    backend: "native",
    provider,
    version,
    fallbackReason: null,
    open: (onnx, { threads }) =>
      new Promise((resolve) => {
        const session = new binding.InferenceSession();
        resolve(openNative(session, results, onnx, { threads, provider }));
      }),
  };
}

/**
 * What a run returns, which nobody needs. The binding writes outputs to the memory that it was given
 * and then makes a tensor of each once more, in fresh memory: for 11 million gradients that takes
 * 20 ms, and the garbage collector has to follow. The first of these tensors is refused, which ends
 * that. Others in this thread who use onnxruntime-node get theirs; when they load it later than this,
 * or another runtime is loaded, outputs are copied.
 */
class Results {
  /** The class of tensors, as the binding is to know it. */
  readonly Tensor: OrtTensorConstructor;
  #unwanted = false;
  #refusals = 0;

  constructor(Tensor: OrtTensorConstructor) {
    this.Tensor = new Proxy(Tensor, {
      construct: (target, values: ConstructorParameters<OrtTensorConstructor>) => {
        if (!this.#unwanted) return new target(...values);
        this.#refusals++;
        throw REFUSAL;
      },
    });
  }

  /** Does `run` without its results; throws what it throws. */
  without(run: () => unknown): void {
    const before = this.#refusals;
    this.#unwanted = true;
    try {
      run();
    } catch (error) {
      // Results are made when everything has been computed.
      if (this.#refusals === before) throw error;
    } finally {
      this.#unwanted = false;
    }
  }
}

function openNative(
  session: NativeSession,
  results: Results,
  onnx: Uint8Array,
  options: { readonly threads: number; readonly provider: Provider },
): GraphSession {
  try {
    session.loadModel(onnx.buffer, onnx.byteOffset, onnx.byteLength, {
      // ONNX Runtime refuses a provider that is named but not there; it never falls back by itself.
      executionProviders: [options.provider],
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: 3,
    });
  } catch (error) {
    throw new RuntimeFailedError("open", error);
  }
  // A graph says in which shape it gives an output; to whoever binds it, the numbers count.
  const own = new Map(
    session.outputMetadata
      .filter(({ shape }) => shape.every((size) => size >= 0))
      .map(({ name, shape }) => [name, shape]),
  );
  const values = (tensors: NamedTensors): OrtTensors =>
    Object.fromEntries(
      Array.from(tensors, ([name, { dtype, data, shape }]: [string, Tensor]) => [
        name,
        new results.Tensor(dtype, data, own.get(name) ?? shape),
      ]),
    );
  return {
    inputs: session.inputMetadata.map(graphValue),
    outputs: session.outputMetadata.map(graphValue),
    bind(inputs, outputs): BoundRun {
      const feeds = values(inputs);
      const fetches = values(outputs);
      const run = (): unknown => session.run(feeds, fetches, {});
      const copied = Array.from(outputs.values(), ({ data }) => data.byteLength);
      const refuses = copied.reduce((sum, bytes) => sum + bytes, 0) >= REFUSED_BYTES_MIN;
      return () => {
        try {
          if (refuses) results.without(run);
          else run();
        } catch (error) {
          throw new RuntimeFailedError("run", error);
        }
      };
    },
    release() {
      session.dispose();
      return Promise.resolve();
    },
  };
}

function graphValue({ name, type, shape }: NativeMetadata): GraphValue {
  const dtype = Object.keys(ONNX_TYPES).find(
    (candidate): candidate is DType => isDType(candidate) && ONNX_TYPES[candidate] === type,
  );
  if (dtype === undefined) {
    throw new RuntimeFailedError("open", `"${name}" has element type ${type}, which is not used`);
  }
  return { name, dtype, shape: shape.map((size) => (size < 0 ? null : size)) };
}
