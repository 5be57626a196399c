import type { InferenceSession, VersionedState } from "../sessions/inference-session.ts";
import { startInference } from "../sessions/start-inference.ts";
import { startWebWorker } from "./start-web-worker.ts";
import {
  absolutePaths,
  checkThreads,
  checkWebProvider,
  type WebInferenceOptions,
} from "./web-options.ts";

/**
 * Opens a model for prediction in a Web Worker; in two if the mode is "bake".
 * @param onnx a graph that takes one batch and every tensor of the state, as `inferenceGraph` makes it
 * @param initial the state to begin with; copied
 * @throws FingerprintMismatchError when the state is not what its fingerprint says
 * @throws RuntimeUnavailableError when the WebAssembly does not load, or the browser lacks what is asked
 * @throws RuntimeFailedError when ONNX Runtime does not take the graph
 */
export async function openInference(
  onnx: Uint8Array,
  initial: VersionedState,
  options: WebInferenceOptions = {},
): Promise<InferenceSession> {
  const { threads = 1, mode = "patch", provider = "cpu" } = options;
  checkThreads(threads, crossOriginIsolated);
  checkWebProvider(provider);
  const wasmPaths = absolutePaths(options.wasmPaths, location.href);
  return startInference(
    (inference, onCrash) =>
      startWebWorker(provider, { kind: "inference", inference, threads, wasmPaths }, onCrash),
    { onnx, initial, runtime: { backend: "wasm", provider } },
    { ...options, mode },
  );
}
