import type { MessagePort } from "node:worker_threads";
import { toTransferred } from "./error-transfer.ts";
import { END_REQUEST, type WorkerReply } from "./worker-thread.ts";

/** What a worker answers: a value, and the memory that moves with it. */
export interface Answer {
  readonly value: unknown;
  readonly transfer?: readonly ArrayBuffer[];
}

/** Answers one request. */
type RequestHandler<Request> = (request: Request) => Promise<Answer>;

/**
 * The life of a worker thread: opens, reports, then answers request after request, strictly in
 * order. A request begins only when the one before it has been answered.
 */
export async function serveRequests<Request>(
  port: MessagePort,
  open: () => Promise<{ readonly handler: RequestHandler<Request>; readonly report: unknown }>,
): Promise<void> {
  let handler: RequestHandler<Request>;
  try {
    const opened = await open();
    handler = opened.handler;
    reply(port, { value: opened.report });
  } catch (error) {
    refuse(port, error);
    return;
  }
  let last: Promise<void> = Promise.resolve();
  port.on("message", (request: Request | typeof END_REQUEST) => {
    // With its port closed nothing keeps the thread alive: it ends between two requests.
    last = last.then(() =>
      request === END_REQUEST ? port.close() : answer(port, handler, request),
    );
  });
}

async function answer<Request>(
  port: MessagePort,
  handler: RequestHandler<Request>,
  request: Request,
): Promise<void> {
  try {
    reply(port, await handler(request));
  } catch (error) {
    refuse(port, error);
  }
}

function reply(port: MessagePort, { value, transfer = [] }: Answer): void {
  port.postMessage({ kind: "reply", value } satisfies WorkerReply, transfer);
}

function refuse(port: MessagePort, error: unknown): void {
  port.postMessage({ kind: "error", error: toTransferred(error) } satisfies WorkerReply);
}
