import { requestedRuntime } from "../runtime/load-runtime.ts";
import type { InferenceRequest } from "./inference-protocol.ts";
import type { InferenceOptions, InferenceSession, VersionedState } from "./inference-session.ts";
import { startInference, type StartInferenceThread } from "./start-inference.ts";
import { WorkerThread } from "./worker-thread.ts";

// TypeScript rewrites import paths when it builds, but not this one.
const ENTRY = new URL(
  import.meta.url.endsWith(".ts") ? "./inference.worker.ts" : "./inference.worker.js",
  import.meta.url,
);

const startThread: StartInferenceThread = (setup, onCrash) =>
  new WorkerThread<InferenceRequest, unknown>(ENTRY, setup, onCrash);

/**
 * Opens a model for prediction in worker threads of its own: one in mode "patch", two in mode "bake".
 * @param onnx a graph that takes one batch and every tensor of the state, as `inferenceGraph` makes it
 * @param initial the state to begin with; copied
 * @throws FingerprintMismatchError when the state is not what its fingerprint says
 * @throws RuntimeUnavailableError, RuntimeFailedError when ONNX Runtime does not load or take the graph
 */
export async function openInference(
  onnx: Uint8Array,
  initial: VersionedState,
  options: InferenceOptions = {},
): Promise<InferenceSession> {
  const { provider } = options;
  const runtime = requestedRuntime(process.env, provider === undefined ? {} : { provider });
  return startInference(startThread, { onnx, initial, runtime }, options);
}
