/**
 * The WebAssembly build of ONNX Runtime, for those who may not name its package.
 * @module
 */
import * as build from "onnxruntime-web/wasm";
import type { WebBuild } from "../web/web-runtime.ts";

/** onnxruntime-web without WebGPU; it fetches its WebAssembly when it is used first. */
export const wasmBuild: WebBuild = build;

// ONNX Runtime starts its own threads from the file that it is in, which a bundler may make any.
const RUNTIME_THREAD = "em-pthread";

/**
 * Whether a worker is one of the threads of ONNX Runtime, which must be left alone.
 * @param name of the worker, as its global scope says
 */
export function isRuntimeThread(name: string): boolean {
  return name.startsWith(RUNTIME_THREAD);
}
