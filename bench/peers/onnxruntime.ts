import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** What the peer's thread is started with. */
export interface PeerSetup {
  /** A model with its weights inside. */
  readonly onnx: Uint8Array;
  readonly threads: number;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
}

/** One prediction of the peer. */
export interface PeerAnswer {
  readonly outputs: Float32Array;
  /** How long ONNX Runtime computed, in milliseconds. */
  readonly runMs: number;
}

/** ONNX Runtime without Everfresh, in a worker thread of its own. */
export interface OnnxruntimePeer extends AsyncDisposable {
  readonly version: string;
  predict(inputs: Float32Array): Promise<PeerAnswer>;
}

/** Opens a model in plain ONNX Runtime. */
export async function openOnnxruntime(setup: PeerSetup): Promise<OnnxruntimePeer> {
  const entry = new URL("./onnxruntime.worker.ts", import.meta.url);
  const worker = new Worker(entry, { workerData: setup });
  const [version] = (await once(worker, "message")) as [string];
  return {
    version,
    async predict(inputs) {
      const sent = inputs.slice();
      worker.postMessage(sent, [sent.buffer]);
      const [answer] = (await once(worker, "message")) as [PeerAnswer];
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
