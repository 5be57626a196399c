import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@everfresh/core";
import type { TrainingRequest, TrainingWorkerSetup } from "./training-protocol.ts";
import { TrainingShard } from "./training-shard.ts";
import { type Answer, serveRequests } from "./worker-loop.ts";

assert(parentPort !== null, "this file runs in a worker thread");

await serveRequests<TrainingRequest>(parentPort, async () => {
  const shard = await TrainingShard.open(workerData as TrainingWorkerSetup);
  const handler = async (request: TrainingRequest): Promise<Answer> => {
    if (request.kind === "step") {
      await shard.step(request);
      return { value: null };
    }
    const outputs = await shard.predict(request);
    return { value: outputs, transfer: [outputs.buffer] };
  };
  return { handler, report: shard.report };
});
