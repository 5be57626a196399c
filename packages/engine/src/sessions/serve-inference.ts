import type { LoadRuntime } from "../runtime/runtime.ts";
import type { InferenceRequest, InferenceWorkerSetup } from "./inference-protocol.ts";
import { LiveModel } from "./live-model.ts";
import { type Answer, serveRequests, type WorkerPort } from "./worker-loop.ts";

/** The whole life of an inference worker, whatever kind of thread it runs in. */
export function serveInference(
  port: WorkerPort,
  setup: InferenceWorkerSetup,
  load: LoadRuntime,
): Promise<void> {
  return serveRequests<InferenceRequest>(port, async () => {
    const model = await LiveModel.open(setup, load);
    return { handler: (request) => answer(model, request), report: model.report };
  });
}

async function answer(model: LiveModel, request: InferenceRequest): Promise<Answer> {
  switch (request.kind) {
    case "predict": {
      const prediction = await model.predict(request.features, request.size);
      return { value: prediction, transfer: [prediction.outputs.buffer] };
    }
    case "apply":
      return { value: model.apply(request.update) };
    case "replace":
      return { value: model.replace(request.snapshot) };
    case "bake":
      return { value: await model.bake(request.rows) };
    case "rest":
      await model.rest();
      return { value: null };
    case "scrub":
      return { value: model.scrub(request.words) };
  }
}
