import { publicRuntime } from "./public-runtime.ts";
import type { Runtime } from "./runtime.ts";

/**
 * The WASM build of ONNX Runtime, from the package `onnxruntime-web`, in Node.
 * @throws Error of any kind when the package does not load
 */
export async function loadWasmRuntime(): Promise<Runtime> {
  const ort = await import("onnxruntime-web");
  // Threads of the WASM build are workers of its own: a worker thread here is one of several already.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.logLevel = "error";
  return publicRuntime("wasm", ort, ort.env.versions.common);
}
