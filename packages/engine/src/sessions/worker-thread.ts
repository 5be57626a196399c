import { Worker } from "node:worker_threads";
import { SessionClosedError, WorkerCrashedError } from "../errors.ts";
import { PendingCalls } from "./pending-calls.ts";
import { END_REQUEST, type Thread, type WorkerReply } from "./thread.ts";

/** How long a worker may take for its last request before it is stopped in the middle. */
const END_MS_MAX = 30_000; // far more than one run of a large model; then something is stuck

/**
 * A worker thread that answers requests one by one. It keeps the process alive only while an answer
 * is awaited. After it has ended, by itself or by {@link WorkerThread.end}, every call rejects.
 */
export class WorkerThread<Request, Reply> implements Thread<Request, Reply> {
  readonly #worker: Worker;
  readonly #pending: PendingCalls = new PendingCalls();
  readonly #endMsMax: number;
  #exited = false;
  #end: Promise<void> | null = null;

  /**
   * Starts the thread; its first message, read with {@link WorkerThread.ready}, says that it works.
   * @param onCrash called once if the thread ends without {@link WorkerThread.end}
   * @param endMsMax how long its last request may take when it is ended, in milliseconds
   */
  constructor(
    entry: URL,
    workerData: unknown,
    onCrash: (error: Error) => void,
    endMsMax: number = END_MS_MAX,
  ) {
    this.#endMsMax = endMsMax;
    this.#worker = new Worker(entry, {
      workerData,
      // Threads of source files must find the sources of other packages, whatever started this one.
      ...(entry.pathname.endsWith(".ts") ? { execArgv: ["--conditions=source"] } : {}),
    });
    this.#worker.unref();
    this.#worker.on("message", (reply: WorkerReply) => this.#settle(reply));
    const crash = (reason: string, cause?: unknown): void => {
      if (this.#pending.failure !== null) return;
      const error = new WorkerCrashedError(reason, cause);
      this.#fail(error);
      onCrash(error);
    };
    this.#worker.on("error", (error: unknown) =>
      crash(error instanceof Error ? error.message : String(error), error),
    );
    this.#worker.on("exit", (code) => {
      this.#exited = true;
      crash(`exit code ${code}`);
    });
  }

  /** Waits for the first message. */
  ready(): Promise<Reply> {
    return this.#await();
  }

  /** Sends a request; resolves with its answer. Memory in `transfer` moves instead of being copied. */
  call(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<Reply> {
    // Sent before it is counted as waiting: a request that cannot be sent throws here.
    if (this.#pending.failure === null) this.#worker.postMessage(request, transfer);
    return this.#await();
  }

  /** Ends the thread; calls that wait reject with `reason` at once. */
  end(reason: Error = new SessionClosedError()): Promise<void> {
    this.#fail(reason);
    this.#end ??= this.#exited ? Promise.resolve() : this.#askToEnd();
    return this.#end;
  }

  /** Calls that wait for an answer. */
  get waiting(): number {
    return this.#pending.count;
  }

  /** Terminating a thread inside ONNX Runtime can take the whole process with it, so it is asked. */
  async #askToEnd(): Promise<void> {
    const exit = new Promise<void>((resolve) => {
      this.#worker.once("exit", () => resolve());
    });
    this.#worker.ref();
    this.#worker.postMessage(END_REQUEST);
    const timer = setTimeout(() => void this.#worker.terminate(), this.#endMsMax);
    await exit;
    clearTimeout(timer);
  }

  #await(): Promise<Reply> {
    const answer = this.#pending.add() as Promise<Reply>;
    if (this.#pending.count === 1) this.#worker.ref();
    return answer;
  }

  #settle(reply: WorkerReply): void {
    this.#pending.settle(reply);
    if (this.#pending.count === 0) this.#worker.unref();
  }

  #fail(error: Error): void {
    this.#pending.fail(error);
    this.#worker.unref();
  }
}
