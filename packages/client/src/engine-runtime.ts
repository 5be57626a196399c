import { type InferenceOptions, openInference } from "@everfresh/engine";
import type { Runtime } from "@everfresh/sync";

import { sessionRuntime } from "./engine-session.ts";

/** The engine as a replica's runtime: worker threads of its own per model, which own its state. */
export function engineRuntime(options: Omit<InferenceOptions, "preprocessing"> = {}): Runtime {
  return sessionRuntime((onnx, initial, preprocessing) =>
    openInference(onnx, initial, { ...options, preprocessing }),
  );
}
