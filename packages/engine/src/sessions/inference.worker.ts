import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@everfresh/core";
import { loadRuntime } from "../runtime/load-runtime.ts";
import type { InferenceWorkerSetup } from "./inference-protocol.ts";
import { serveInference } from "./serve-inference.ts";

assert(parentPort !== null, "this file runs in a worker thread");

await serveInference(parentPort, workerData as InferenceWorkerSetup, loadRuntime);
