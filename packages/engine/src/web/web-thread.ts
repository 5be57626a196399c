import { SessionClosedError, WorkerCrashedError } from "../errors.ts";
import { PendingCalls } from "../sessions/pending-calls.ts";
import type { Thread, WorkerReply } from "../sessions/thread.ts";

/** What of a Web Worker is used here. */
export type WebWorker = Pick<Worker, "addEventListener" | "postMessage" | "terminate">;

/**
 * A Web Worker that answers requests one by one. A browser may stop it at any moment without harm, so
 * it ends at once when it is ended.
 */
export class WebThread<Request> implements Thread<Request> {
  readonly #worker: WebWorker;
  readonly #pending: PendingCalls = new PendingCalls();

  /**
   * @param worker a worker whose first message will be a reply that says that it is ready
   * @param setup sent to it first of all; copied, but for the memory in `transfer`, which moves
   * @param onCrash called once if it breaks without {@link WebThread.end}
   */
  constructor(
    worker: WebWorker,
    setup: unknown,
    onCrash: (error: Error) => void,
    transfer: readonly ArrayBuffer[] = [],
  ) {
    this.#worker = worker;
    const crash = (reason: string, cause?: unknown): void => {
      if (this.#pending.failure !== null) return;
      const error = new WorkerCrashedError(reason, cause);
      void this.end(error);
      onCrash(error);
    };
    worker.addEventListener("message", ({ data }: MessageEvent<WorkerReply>) =>
      this.#pending.settle(data),
    );
    worker.addEventListener("error", (event: ErrorEvent | Event) =>
      // Without a message it is no error in the worker: the worker itself could not be loaded.
      crash(
        "message" in event ? event.message : "the file of the Web Worker does not load",
        "error" in event ? event.error : undefined,
      ),
    );
    worker.addEventListener("messageerror", () => crash("a message could not be read"));
    worker.postMessage(setup, [...transfer]);
  }

  get waiting(): number {
    return this.#pending.count;
  }

  ready(): Promise<unknown> {
    return this.#pending.add();
  }

  call(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    // Sent before it is counted as waiting: a request that cannot be sent throws here.
    if (this.#pending.failure === null) this.#worker.postMessage(request, [...transfer]);
    return this.#pending.add();
  }

  end(reason: Error = new SessionClosedError()): Promise<void> {
    this.#pending.fail(reason);
    this.#worker.terminate();
    return Promise.resolve();
  }
}
