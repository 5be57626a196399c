/** An inference worker whose memory rots when it is told so: it holds what the real one serves from. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@everfresh/core";
import { loadRuntime } from "../runtime/load-runtime.ts";
import type { InferenceWorkerSetup } from "./inference-protocol.ts";
import { serveInference } from "./serve-inference.ts";

/** What a test sends over the broadcast channel of the setup; an answer says that it is done. */
export interface RotRequest {
  /** Of the state, whose lowest bit flips. */
  readonly byte: number;
}

assert(parentPort !== null, "this file runs in a worker thread");
const setup = workerData as InferenceWorkerSetup & { readonly rotChannel: string };
const memory = new Uint8Array(setup.initial.buffer);
const channel = new BroadcastChannel(setup.rotChannel);
channel.addEventListener("message", ({ data }: MessageEvent<RotRequest>) => {
  memory[data.byte] = (memory[data.byte] ?? 0) ^ 1;
  channel.postMessage("rotten");
});
// As with the real worker, only its port keeps it alive.
(channel as unknown as { unref(): void }).unref();
await serveInference(parentPort, setup, loadRuntime);
