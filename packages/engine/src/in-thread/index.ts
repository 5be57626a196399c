/**
 * Runs models in the calling thread, on a build of onnxruntime-web that the caller imports: for Web
 * Workers that own a model, and where there are no workers. Nothing here imports ONNX Runtime.
 * @module
 */
export { RuntimeUnavailableError, WorkerCrashedError } from "../errors.ts";
export {
  type InThreadEngine,
  type InThreadOptions,
  openInThreadEngine,
} from "./in-thread-engine.ts";
export type {
  InferenceSession,
  Prediction,
  StateVersion,
  VersionedState,
} from "../sessions/inference-session.ts";
export {
  type ErrorClasses,
  fromTransferred,
  toTransferred,
  type TransferredError,
} from "../sessions/error-transfer.ts";
export { absolutePaths, checkThreads, type WasmPaths } from "../web/web-options.ts";
export type { WebBuild } from "../web/web-runtime.ts";
