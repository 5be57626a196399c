import { type InferenceOptions, openInference } from "@everfresh/engine";
import type { Runtime } from "@everfresh/sync";

import { sessionRuntime } from "./engine-session.ts";

/** The engine as a replica's runtime: worker threads of its own per model, which own its state. */
export function engineRuntime(options: InferenceOptions = {}): Runtime {
  return sessionRuntime((onnx, initial) => openInference(onnx, initial, options));
}
