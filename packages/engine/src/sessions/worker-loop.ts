import { toTransferred } from "./error-transfer.ts";
import { END_REQUEST, type WorkerReply } from "./thread.ts";

/** A worker's end of the line to the thread that started it. */
export interface WorkerPort {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (message: unknown) => void): unknown;
  /** Takes no more messages, so that nothing keeps the thread alive. */
  close(): void;
}

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
  port: WorkerPort,
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
  port.on("message", (request) => {
    // With its port closed nothing keeps the thread alive: it ends between two requests.
    last = last.then(() =>
      request === END_REQUEST ? port.close() : answer(port, handler, request as Request),
    );
  });
}

async function answer<Request>(
  port: WorkerPort,
  handler: RequestHandler<Request>,
  request: Request,
): Promise<void> {
  try {
    reply(port, await handler(request));
  } catch (error) {
    refuse(port, error);
  }
}

function reply(port: WorkerPort, { value, transfer = [] }: Answer): void {
  port.postMessage({ kind: "reply", value } satisfies WorkerReply, transfer);
}

function refuse(port: WorkerPort, error: unknown): void {
  port.postMessage({ kind: "error", error: toTransferred(error) } satisfies WorkerReply);
}
