import type { WorkerPort } from "../sessions/worker-loop.ts";

/** What of a worker's global scope is used here. */
export interface WorkerScope {
  readonly name: string;
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  addEventListener(
    type: "message",
    listener: (event: { readonly data: unknown }) => void,
    options?: { readonly once: boolean },
  ): void;
  close(): void;
}

/** A Web Worker's end of the line to the page. */
export function webWorkerPort(scope: WorkerScope): WorkerPort {
  return {
    postMessage: (message, transfer = []) => scope.postMessage(message, transfer),
    on: (_, listener) => scope.addEventListener("message", ({ data }) => listener(data)),
    close: () => scope.close(),
  };
}

/** Waits for the page's first message: what the worker is started with. */
export function firstMessage(scope: WorkerScope): Promise<unknown> {
  return new Promise((resolve) => {
    scope.addEventListener("message", ({ data }) => resolve(data), { once: true });
  });
}
