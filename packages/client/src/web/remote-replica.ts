import { type Features, systemClock } from "@everfresh/core";
import {
  type ErrorClasses,
  fromTransferred,
  RuntimeUnavailableError,
  WorkerCrashedError,
} from "@everfresh/engine/in-thread";
import {
  ConnectError,
  LatestValue,
  type Manifest,
  type Prediction,
  type Replica,
  ReplicaClosedError,
  type ReplicaStatus,
  ReplicaStoreError,
} from "@everfresh/sync";

import { PREDICTIONS_WAITING_MAX } from "../engine-session.ts";
import { TooManyPredictionsError } from "../errors.ts";
import { Caller } from "./calls.ts";
import type { PredictRequest, ReplicaNote, ReplicaSetup } from "./replica-protocol.ts";

/** How long a worker may take to write what its store lacks. Milliseconds. */
const CLOSE_MS_MAX = 10_000; // a large state on a slow disk; then it is stopped all the same

// So that `instanceof` holds for what a worker throws.
const CLASSES: ErrorClasses = {
  EF_CONNECT_FAILED: ConnectError,
  EF_REPLICA_CLOSED: ReplicaClosedError,
  EF_REPLICA_STORE: ReplicaStoreError,
  EF_PREDICTIONS_WAITING: TooManyPredictionsError,
};

/** Options of {@link openRemoteReplica}. */
export interface RemoteReplicaOptions {
  /** Moves to the worker with the setup. */
  readonly transfer: readonly Transferable[];
  readonly signal: AbortSignal | undefined;
  readonly onStoreError: ((error: unknown) => void) | undefined;
}

/** The page's end of a replica in a Web Worker: it holds the newest status, and nothing large. */
class RemoteReplica implements Replica {
  readonly #worker: Worker;
  readonly #caller: Caller;
  readonly #onStoreError: (error: unknown) => void;
  #views: LatestValue<ReplicaStatus> | null = null;
  #manifest: Manifest | null = null;
  #predicting = 0;
  #disposal: Promise<void> | null = null;

  constructor(worker: Worker, onStoreError: (error: unknown) => void) {
    this.#worker = worker;
    this.#onStoreError = onStoreError;
    this.#caller = new Caller(worker, (note) => this.#hear(note as ReplicaNote), CLASSES);
    worker.addEventListener("error", (event: ErrorEvent | Event) => this.#crashed(event));
  }

  async opened(setup: ReplicaSetup, transfer: readonly Transferable[]): Promise<void> {
    // What the worker has is a note, and comes before the answer.
    await this.#caller.call("open", setup, transfer);
  }

  get manifest(): Manifest {
    if (this.#manifest === null) throw new ReplicaClosedError("it never had a state");
    return this.#manifest;
  }

  status(): ReplicaStatus {
    if (this.#views === null) throw new ReplicaClosedError("it never had a state");
    const { value } = this.#views;
    const { eventTimeMs } = value;
    const freshnessMs =
      eventTimeMs === null ? null : Math.max(0, systemClock.nowMs() - eventTimeMs);
    return { ...value, freshnessMs };
  }

  states(): AsyncIterable<ReplicaStatus> {
    if (this.#views === null) throw new ReplicaClosedError("it never had a state");
    return this.#views.values();
  }

  /** @param features whose memory moves to the worker */
  async predict(features: Features, size: number): Promise<Prediction> {
    if (this.#disposal !== null) throw new ReplicaClosedError("it was disposed");
    if (this.#predicting >= PREDICTIONS_WAITING_MAX) {
      throw new TooManyPredictionsError(this.#predicting);
    }
    this.#predicting++;
    try {
      const request = { features, size } satisfies PredictRequest;
      const { buffer } = features;
      const moved = buffer instanceof ArrayBuffer ? [buffer] : [];
      return (await this.#caller.call("predict", request, moved)) as Prediction;
    } finally {
      this.#predicting--;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  async #close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS_MAX);
    });
    await Promise.race([this.#caller.call("close", null), late]).catch(() => undefined);
    clearTimeout(timer);
    this.#end(new ReplicaClosedError("it was disposed"));
  }

  #crashed(event: ErrorEvent | Event): void {
    // Without a message it is no error in the worker: the worker itself could not be loaded.
    if (!("message" in event)) this.#end(workerUnavailable("its file does not load"));
    else this.#end(new WorkerCrashedError(event.message, event.error));
  }

  #end(reason: Error): void {
    this.#worker.terminate();
    this.#caller.fail(reason);
    const views = this.#views;
    if (views === null) return;
    if (views.value.phase !== "closed") views.set({ ...views.value, phase: "closed" });
    views.end();
  }

  #hear(note: ReplicaNote): void {
    if (note.kind === "storeError") this.#onStoreError(fromTransferred(note.error, CLASSES));
    else this.#take(note);
  }

  #take({ status, manifest }: ReplicaNote & { readonly kind: "view" }): void {
    this.#manifest = manifest ?? this.#manifest;
    if (this.#views === null) this.#views = new LatestValue(status);
    else this.#views.set(status);
  }
}

/**
 * Opens a replica in a Web Worker.
 * @param start starts the worker
 * @throws RuntimeUnavailableError when workers or WebAssembly are not there, or not allowed
 * @throws ConnectError when no version has arrived in time
 */
export async function openRemoteReplica(
  start: () => Worker,
  setup: ReplicaSetup,
  { transfer, signal, onStoreError }: RemoteReplicaOptions,
): Promise<Replica> {
  signal?.throwIfAborted();
  const replica = new RemoteReplica(startWorker(start), (error) => onStoreError?.(error));
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => {
    aborted.reject(signal?.reason);
    void replica[Symbol.asyncDispose]();
  };
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([replica.opened(setup, transfer), aborted.promise]);
    return replica;
  } catch (error) {
    await replica[Symbol.asyncDispose]();
    throw error;
  }
}

function startWorker(start: () => Worker): Worker {
  try {
    return start();
  } catch (error) {
    throw workerUnavailable(error instanceof Error ? error.message : String(error), error);
  }
}

function workerUnavailable(reason: string, cause?: unknown): RuntimeUnavailableError {
  return new RuntimeUnavailableError(
    `The replica's Web Worker does not start: ${reason}. Serve its file from the page's own origin, ` +
      "allow it in a Content-Security-Policy (worker-src 'self'), or give connect() a runtime in " +
      "this thread: inThreadRuntime() of @everfresh/client/edge",
    cause,
  );
}
