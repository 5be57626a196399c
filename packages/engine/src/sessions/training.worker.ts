import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@everfresh/core";
import { loadRuntime } from "../runtime/load-runtime.ts";
import type { TrainingRequest, TrainingWorkerSetup } from "./training-protocol.ts";
import { TrainingShard } from "./training-shard.ts";
import { type Answer, serveRequests } from "./worker-loop.ts";

assert(parentPort !== null, "this file runs in a worker thread");

await serveRequests<TrainingRequest>(parentPort, async () => {
  const shard = await TrainingShard.open(workerData as TrainingWorkerSetup, loadRuntime);
  const handler = (request: TrainingRequest): Promise<Answer> => shard.answer(request);
  return { handler, report: shard.report };
});
