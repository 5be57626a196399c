import type { Features, Update } from "@everfresh/core";
import { SessionClosedError } from "../errors.ts";
import type { RuntimeReport } from "../runtime/runtime.ts";
import type {
  InferenceMode,
  InferenceSession,
  Prediction,
  StateVersion,
  VersionedState,
} from "./inference-session.ts";
import { type InferenceThread, toSentUpdate } from "./inference-thread.ts";

/** One worker whose graph takes the weights as inputs: calls take effect in their order. */
export class PatchingInference implements InferenceSession {
  readonly mode: InferenceMode = "patch";
  readonly freshnessMs = 0;
  readonly runtime: RuntimeReport;
  readonly #thread: InferenceThread;
  #closing: Promise<void> | null = null;

  constructor(thread: InferenceThread) {
    this.runtime = thread.report.runtime;
    this.#thread = thread;
  }

  async predict(features: Features, size: number): Promise<Prediction> {
    this.#check();
    return this.#thread.predict(features, size);
  }

  async apply(update: Update): Promise<StateVersion> {
    this.#check();
    return this.#thread.apply(toSentUpdate(update));
  }

  async replace(snapshot: VersionedState): Promise<StateVersion> {
    this.#check();
    return this.#thread.replace(snapshot);
  }

  async scrub(): Promise<void> {
    // One slice at a time waits, so there is always room for it.
    this.#checkOpen();
    return this.#thread.scrub();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#thread.end();
    return this.#closing;
  }

  #check(): void {
    this.#checkOpen();
    this.#thread.checkRoom();
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new SessionClosedError();
  }
}
