import { type Features, stateBytes, type Update } from "@everfresh/core";
import { SessionBusyError } from "../errors.ts";
import type {
  InferenceRequest,
  InferenceWorkerReport,
  InferenceWorkerSetup,
  SentState,
} from "./inference-protocol.ts";
import type { Prediction, StateVersion, VersionedState } from "./inference-session.ts";
import type { StartThread, Thread } from "./thread.ts";

// Each call holds its inputs in memory until it is answered; a server should refuse before this.
const WAITING_MAX = 1_024;

/**
 * Words of one slice of a check, for which other calls may wait: 4 ms of a core, since a million words
 * were measured to take 8 ms of one of two busy cores.
 */
const SCRUB_WORDS = 1 << 19;

/** The main thread's end of one inference worker, which answers strictly in the order of the calls. */
export class InferenceThread {
  /** What the worker is. */
  readonly report: InferenceWorkerReport;
  /** Resolves, with the reason, only if the worker ends by itself. */
  readonly crashed: Promise<Error>;
  readonly #worker: Thread<InferenceRequest>;
  #scrubbing: Promise<void> | null = null;

  private constructor(
    worker: Thread<InferenceRequest>,
    report: InferenceWorkerReport,
    crashed: Promise<Error>,
  ) {
    this.#worker = worker;
    this.report = report;
    this.crashed = crashed;
  }

  /** Starts a worker; resolves when its graph is open, and rejects, with nothing left, if it fails. */
  static async start(
    setup: InferenceWorkerSetup,
    startThread: StartThread<InferenceWorkerSetup, InferenceRequest>,
  ): Promise<InferenceThread> {
    const { promise: crashed, resolve } = Promise.withResolvers<Error>();
    const worker = startThread(setup, resolve);
    try {
      return new InferenceThread(worker, (await worker.ready()) as InferenceWorkerReport, crashed);
    } catch (error) {
      await worker.end();
      throw error;
    }
  }

  /** @throws SessionBusyError when too many calls wait */
  checkRoom(): void {
    if (this.#worker.waiting >= WAITING_MAX) throw new SessionBusyError(WAITING_MAX);
  }

  async predict(features: Features, size: number): Promise<Prediction> {
    // A copy of its own: sending a view would send all of the memory that it is a view of.
    const { length } = features;
    const isBytes = features instanceof Uint8Array;
    const sent = isBytes ? new Uint8Array(length) : new Float32Array(length);
    sent.set(features);
    const request = { kind: "predict", features: sent, size } as const;
    return (await this.#worker.call(request, [sent.buffer])) as Prediction;
  }

  /** @param update whose arrays must be no views on larger memory: that would be sent too */
  async apply(update: Update): Promise<StateVersion> {
    return (await this.#worker.call({ kind: "apply", update })) as StateVersion;
  }

  async replace(snapshot: VersionedState): Promise<StateVersion> {
    const sent = toSent(snapshot);
    const request = { kind: "replace", snapshot: sent } as const;
    return (await this.#worker.call(request, [sent.buffer])) as StateVersion;
  }

  /** Answers from now on with the state as it is now; resolves with its version. */
  async bake(rows: number): Promise<StateVersion> {
    return (await this.#worker.call({ kind: "bake", rows })) as StateVersion;
  }

  /** Frees the graph until the next bake. */
  async rest(): Promise<void> {
    await this.#worker.call({ kind: "rest" });
  }

  /**
   * Checks all of the worker's state, slice by slice: each takes its turn among the other calls. Who
   * asks while a check is under way shares it.
   */
  scrub(): Promise<void> {
    this.#scrubbing ??= this.#scrub().finally(() => (this.#scrubbing = null));
    return this.#scrubbing;
  }

  async #scrub(): Promise<void> {
    for (let isDone = false; !isDone;) {
      isDone = (await this.#worker.call({ kind: "scrub", words: SCRUB_WORDS })) as boolean;
    }
  }

  /** Ends the thread; calls that wait reject with `reason` at once. */
  end(reason?: Error): Promise<void> {
    return this.#worker.end(reason);
  }
}

/** A copy of a state that can be sent. */
export function toSent({ state, version, fingerprint }: VersionedState): SentState {
  const bytes = new Uint8Array(stateBytes(state));
  return { layout: state.layout, buffer: bytes.buffer, version, fingerprint };
}

/** An update with memory of its own. */
export function toSentUpdate(update: Update): Update {
  return { ...update, indices: update.indices.slice(), values: update.values.slice() };
}
