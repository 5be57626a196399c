import type { Provider } from "../runtime/runtime.ts";
import type { WebWorkerSetup } from "./serve-page.ts";
import { WebThread } from "./web-thread.ts";

/**
 * Starts a Web Worker that computes with `provider`.
 * @param transfer memory of the setup that moves to it
 */
export function startWebWorker<Request>(
  provider: Provider,
  setup: WebWorkerSetup,
  onCrash: (error: Error) => void,
  transfer: readonly ArrayBuffer[] = [],
): WebThread<Request> {
  // Bundlers find workers by exactly this expression. They are two because the WebAssembly that can
  // use WebGPU is twice as large.
  const worker =
    provider === "webgpu"
      ? new Worker(new URL("./engine-webgpu.worker.js", import.meta.url), { type: "module" })
      : new Worker(new URL("./engine.worker.js", import.meta.url), { type: "module" });
  return new WebThread(worker, setup, onCrash, transfer);
}
