import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@everfresh/core";
import type { InferenceRequest, InferenceWorkerSetup } from "./inference-protocol.ts";
import { LiveModel } from "./live-model.ts";
import { type Answer, serveRequests } from "./worker-loop.ts";

assert(parentPort !== null, "this file runs in a worker thread");

await serveRequests<InferenceRequest>(parentPort, async () => {
  const model = await LiveModel.open(workerData as InferenceWorkerSetup);
  const handler = async (request: InferenceRequest): Promise<Answer> => {
    switch (request.kind) {
      case "predict": {
        const prediction = await model.predict(request.inputs, request.size);
        return { value: prediction, transfer: [prediction.outputs.buffer] };
      }
      case "apply":
        return { value: model.apply(request.update) };
      case "replace":
        return { value: model.replace(request.snapshot) };
    }
  };
  return { handler, report: null };
});
