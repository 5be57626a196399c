/**
 * Inference in Web Workers with the WebAssembly build of ONNX Runtime and no other, so that bundlers
 * make no files for WebGPU.
 * @module
 */
import type { InferenceSession, VersionedState } from "../sessions/inference-session.ts";
import { startInference } from "../sessions/start-inference.ts";
import { absolutePaths, checkThreads, type WebInferenceOptions } from "../web/web-options.ts";
import { WebThread } from "../web/web-thread.ts";

/**
 * `openInference` of the web entry, without its `provider`.
 * @throws FingerprintMismatchError, RuntimeUnavailableError, RuntimeFailedError as that
 */
export async function openWasmInference(
  onnx: Uint8Array,
  initial: VersionedState,
  options: Omit<WebInferenceOptions, "provider"> = {},
): Promise<InferenceSession> {
  const { threads = 1, mode = "patch" } = options;
  checkThreads(threads, crossOriginIsolated);
  const wasmPaths = absolutePaths(options.wasmPaths, location.href);
  return startInference(
    (inference, onCrash) => {
      const setup = { kind: "inference", inference, threads, wasmPaths } as const;
      // Bundlers find workers by exactly this expression.
      const worker = new Worker(new URL("../web/engine.worker.js", import.meta.url), {
        type: "module",
      });
      return new WebThread(worker, setup, onCrash);
    },
    { onnx, initial, runtime: { backend: "wasm", provider: "cpu" } },
    { ...options, mode },
  );
}
