/** A worker that is none: page and worker in one thread, so that tests need no browser. */
import type { Line } from "./calls.ts";

/** What is on the other end of a page's worker. */
export type ServeWorker = (line: Line) => void;

/** Serves on one end of a channel and gives the other; messages are copied or moved as they would be. */
export function loopbackWorker(serve: ServeWorker): Worker & { fail(event: Event): void } {
  const { port1, port2 } = new MessageChannel();
  port1.start();
  port2.start();
  serve(port2);
  const failing = new EventTarget();
  const worker = {
    postMessage: port1.postMessage.bind(port1),
    addEventListener(type: string, listener: (event: Event) => void) {
      if (type === "message") port1.addEventListener(type, listener);
      else failing.addEventListener(type, listener);
    },
    terminate: () => port1.close(),
    fail: (event: Event) => failing.dispatchEvent(event),
  };
  return worker as unknown as Worker & { fail(event: Event): void };
}
