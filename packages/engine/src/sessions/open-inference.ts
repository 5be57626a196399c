import type { Update } from "@everfresh/core";
import { SessionBusyError, SessionClosedError } from "../errors.ts";
import { requestedBackend } from "../runtime/load-runtime.ts";
import type { InferenceRequest, InferenceWorkerSetup, SentState } from "./inference-protocol.ts";
import type {
  InferenceOptions,
  InferenceSession,
  Prediction,
  StateVersion,
  VersionedState,
} from "./inference-session.ts";
import { WorkerThread } from "./worker-thread.ts";

// TypeScript rewrites import paths when it builds, but not this one.
const ENTRY = new URL(
  import.meta.url.endsWith(".ts") ? "./inference.worker.ts" : "./inference.worker.js",
  import.meta.url,
);

// Each call holds its inputs in memory until it is answered; a server should refuse before this.
const WAITING_MAX = 1_024;

/**
 * Opens a model for prediction in a worker thread of its own.
 * @param onnx a graph that takes one batch and every tensor of the state, as `inferenceGraph` makes it
 * @param initial the state to begin with; copied
 * @throws FingerprintMismatchError when the state is not what its fingerprint says
 * @throws RuntimeUnavailableError, RuntimeFailedError when ONNX Runtime does not load or take the graph
 */
export async function openInference(
  onnx: Uint8Array,
  initial: VersionedState,
  options: InferenceOptions = {},
): Promise<InferenceSession> {
  const setup: InferenceWorkerSetup = {
    onnx,
    initial: toSent(initial),
    threads: options.threads ?? 1,
    backend: requestedBackend(process.env),
  };
  const thread = new WorkerThread<InferenceRequest, unknown>(ENTRY, setup, () => undefined);
  try {
    await thread.ready();
  } catch (error) {
    await thread.end();
    throw error;
  }
  return new ThreadedInference(thread);
}

/** An inference session whose model lives in a worker thread. */
class ThreadedInference implements InferenceSession {
  readonly #thread: WorkerThread<InferenceRequest, unknown>;
  #closing: Promise<void> | null = null;

  constructor(thread: WorkerThread<InferenceRequest, unknown>) {
    this.#thread = thread;
  }

  async predict(inputs: Float32Array, size: number): Promise<Prediction> {
    // A copy of its own: sending a view would send all of the memory that it is a view of.
    const sent = new Float32Array(inputs.length);
    sent.set(inputs);
    const request = { kind: "predict", inputs: sent, size } as const;
    return (await this.#call(request, [sent.buffer])) as Prediction;
  }

  async apply(update: Update): Promise<StateVersion> {
    const sent = { ...update, indices: update.indices.slice(), values: update.values.slice() };
    return (await this.#call({ kind: "apply", update: sent })) as StateVersion;
  }

  async replace(snapshot: VersionedState): Promise<StateVersion> {
    const sent = toSent(snapshot);
    return (await this.#call({ kind: "replace", snapshot: sent }, [sent.buffer])) as StateVersion;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#thread.end();
    return this.#closing;
  }

  #call(request: InferenceRequest, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.#closing !== null) return Promise.reject(new SessionClosedError());
    if (this.#thread.waiting >= WAITING_MAX) {
      return Promise.reject(new SessionBusyError(WAITING_MAX));
    }
    return this.#thread.call(request, transfer);
  }
}

function toSent({ state, version, fingerprint }: VersionedState): SentState {
  const bytes = new Uint8Array(state.buffer).slice();
  return { layout: state.layout, buffer: bytes.buffer, version, fingerprint };
}
