import type { Env, InferenceSessionFactory, Tensor } from "onnxruntime-common";
import type { TensorData } from "@everfresh/core";
import { RuntimeUnavailableError } from "../errors.ts";
import { publicRuntime } from "../runtime/public-runtime.ts";
import type { Provider, Runtime } from "../runtime/runtime.ts";
import type { WasmPaths } from "./web-options.ts";

/** A build of onnxruntime-web. */
export interface WebBuild {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: new (type: Tensor.Type, data: TensorData, dims: readonly number[]) => Tensor;
  readonly env: Env;
}

/** How a worker sets ONNX Runtime up before it opens the first graph. */
export interface WebRuntimeSetup {
  readonly threads: number;
  /** Where the WebAssembly lies, as absolute addresses; null for where the bundler has put it. */
  readonly wasmPaths: WasmPaths | null;
}

// How the documented API says that WebAssembly, or what it computes on, did not start.
const NOT_STARTED = /no available backend found/;

/**
 * ONNX Runtime in a Web Worker. It fetches its WebAssembly when the first graph is opened.
 * @throws RuntimeUnavailableError for "webgpu" where the browser has no adapter
 */
export async function webRuntime(
  build: WebBuild,
  provider: Provider,
  { threads, wasmPaths }: WebRuntimeSetup,
): Promise<Runtime> {
  if (provider === "webgpu") await checkWebgpu();
  const { env } = build;
  env.wasm.numThreads = threads;
  env.wasm.proxy = false;
  env.logLevel = "error";
  if (wasmPaths !== null) env.wasm.wasmPaths = wasmPaths;
  const runtime = publicRuntime("wasm", build, env.versions.common, provider);
  return {
    ...runtime,
    async open(onnx, options) {
      try {
        return await runtime.open(onnx, options);
      } catch (error) {
        if (!(error instanceof Error && NOT_STARTED.test(error.message))) throw error;
        throw new RuntimeUnavailableError(
          `${error.message}. Serve the .wasm file where the bundler puts it, or say with ` +
            "wasmPaths where it lies; a Content-Security-Policy must allow 'wasm-unsafe-eval'",
          error,
        );
      }
    },
  };
}

// What of the WebGPU API is used here.
interface Gpu {
  requestAdapter(): Promise<object | null>;
}

async function checkWebgpu(): Promise<void> {
  const { gpu } = navigator as { readonly gpu?: Gpu };
  const adapter = await gpu?.requestAdapter();
  if (adapter === null || adapter === undefined) {
    throw new RuntimeUnavailableError(
      'The execution provider "webgpu" is not available: this browser ' +
        (gpu === undefined ? "has no WebGPU here" : "finds no graphics adapter") +
        '; use the provider "cpu"',
    );
  }
}
