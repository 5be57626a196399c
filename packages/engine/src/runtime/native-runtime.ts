import { createRequire } from "node:module";
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
  // The very class that the binding was initialised with.
  const { Tensor } = createRequire(path)("onnxruntime-common") as {
    Tensor: OrtTensorConstructor;
  };
  initOrt();
  return {
    backend: "native",
    provider,
    version,
    fallbackReason: null,
    open: (onnx, { threads }) =>
      new Promise((resolve) => {
        const session = new binding.InferenceSession();
        resolve(openNative(session, Tensor, onnx, { threads, provider }));
      }),
  };
}

function openNative(
  session: NativeSession,
  Tensor: OrtTensorConstructor,
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
        new Tensor(dtype, data, own.get(name) ?? shape),
      ]),
    );
  return {
    inputs: session.inputMetadata.map(graphValue),
    outputs: session.outputMetadata.map(graphValue),
    bind(inputs, outputs): BoundRun {
      const feeds = values(inputs);
      const fetches = values(outputs);
      return () => {
        try {
          session.run(feeds, fetches, {});
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
