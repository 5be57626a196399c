import type { TransferredError } from "./error-transfer.ts";

/** What a worker sends when it is ready, and after every request, in the order of the requests. */
export type WorkerReply =
  | { readonly kind: "reply"; readonly value: unknown }
  | { readonly kind: "error"; readonly error: TransferredError };

/** Asks a worker to end after the request that it works on. */
export const END_REQUEST = "end of this thread";

/**
 * A worker that answers requests one by one: a worker thread in Node, a Web Worker in a browser. After
 * it has ended, by itself or by {@link Thread.end}, every call rejects.
 */
export interface Thread<Request, Reply = unknown> {
  /** Calls that wait for an answer. */
  readonly waiting: number;
  /** Waits for the first message, which says that the worker is ready. */
  ready(): Promise<Reply>;
  /** Sends a request; resolves with its answer. Memory in `transfer` moves instead of being copied. */
  call(request: Request, transfer?: readonly ArrayBuffer[]): Promise<Reply>;
  /** Ends the worker; calls that wait reject with `reason` at once. */
  end(reason?: Error): Promise<void>;
}

/**
 * Starts a worker.
 * @param setup what it is started with
 * @param onCrash called once if it ends without {@link Thread.end}
 */
export type StartThread<Setup, Request> = (
  setup: Setup,
  onCrash: (error: Error) => void,
) => Thread<Request>;
