/** A worker that is none: page and worker in one thread, so that tests need no browser. */
import * as build from "onnxruntime-web";
import { servePage, type WebWorkerSetup } from "./serve-page.ts";
import type { WebWorker } from "./web-thread.ts";
import type { WorkerScope } from "./web-worker-port.ts";

/**
 * Serves on one end of a channel and gives the other; messages are copied or moved as they would be.
 * @param onSetup gets the worker's own copy of what it is started with
 */
export function loopbackWorker(
  onSetup: (setup: WebWorkerSetup) => void = () => undefined,
): WebWorker {
  const { port1, port2 } = new MessageChannel();
  const scope: WorkerScope = {
    name: "",
    postMessage: (message, transfer) => port2.postMessage(message, [...transfer]),
    addEventListener: (_, listener, options) =>
      port2.addEventListener(
        "message",
        (event: MessageEvent<WebWorkerSetup>) => {
          if (options?.once === true) onSetup(event.data);
          listener(event);
        },
        options,
      ),
    close: () => port2.close(),
  };
  port1.start();
  port2.start();
  void servePage(scope, build, "cpu");
  return Object.assign(port1, { terminate: () => port1.close() });
}
