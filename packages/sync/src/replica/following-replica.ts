import { EverfreshError, type Features } from "@everfresh/core";

import { hashManifest } from "../codec/state-signature.ts";
import {
  ConnectError,
  CorruptUpdateError,
  ReplicaClosedError,
  SigningUnavailableError,
  UpdateSignatureError,
} from "../errors.ts";
import type { Manifest } from "../manifest.ts";
import { decodeFeedMessage, encodeReplicaMessage } from "../protocol/message-codec.ts";
import { systemTimers, type Timers } from "../timers.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { FeedLink } from "./feed-link.ts";
import { FeedReader, type FeedReaderParts } from "./feed-reader.ts";
import { LatestValue } from "./latest-value.ts";
import type {
  ReplicaEffect,
  ReplicaEvent,
  ReplicaLimits,
  ReplicaState,
  Step,
  StepContext,
} from "./replica-machine.ts";
import { CONNECT_TIMEOUT_MS, REPLICA_LIMITS } from "./replica-limits.ts";
import { startReplica, stepReplica, type StepReplica } from "./replica-state.ts";
import type { Replica, ReplicaFault, ReplicaOptions, ReplicaStatus } from "./replica.ts";
import type { Prediction } from "./runtime.ts";
import { ServedModel } from "./served-model.ts";
import { faultOf } from "./served-session.ts";
import { StateScrub } from "./state-scrub.ts";

/** The parts of a replica that a simulation replaces by faulty ones. */
export interface ReplicaParts extends FeedReaderParts {
  readonly step: StepReplica;
}

const PARTS: ReplicaParts = { step: stepReplica, decode: decodeFeedMessage, hash: hashManifest };

/** The shell around the state machine: performs effects one after another and reports events. */
export class FollowingReplica implements Replica {
  readonly #options: ReplicaOptions;
  readonly #timers: Timers;
  readonly #limits: ReplicaLimits;
  readonly #first: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #statuses: LatestValue<ReplicaStatus>;
  #state: ReplicaState;
  #turn: Promise<void> = Promise.resolve();
  readonly #link: FeedLink;
  readonly #parts: ReplicaParts;
  readonly #model: ServedModel;
  readonly #scrub: StateScrub;
  readonly #wake: DeadlineTimer;
  #reader: FeedReader;
  #lastError: unknown = undefined;
  #lastFault: ReplicaFault | null = null;
  #bytesReceived = 0;
  #disposal: Promise<void> | null = null;

  constructor(options: ReplicaOptions, parts: ReplicaParts = PARTS) {
    this.#options = options;
    this.#parts = parts;
    this.#model = new ServedModel({
      runtime: options.runtime,
      store: options.store ?? null,
      onStoreError: (error) => options.onStoreError?.(error),
    });
    this.#reader = this.#openReader();
    this.#timers = options.timers ?? systemTimers;
    this.#limits = { ...REPLICA_LIMITS, ...options.limits };
    this.#scrub = new StateScrub({
      timers: this.#timers,
      intervalMs: this.#limits.scrubMs,
      session: () => this.#model.session,
      onCorrupt: (error) => {
        this.#failed(error);
        void this.#dispatch({ kind: "refused", fault: "broken" });
      },
    });
    this.#link = new FeedLink({
      transport: options.transport,
      enqueue: (task) => this.#enqueue(task),
      onOpened: () => this.#handle({ kind: "opened" }),
      onFrame: async (frame) => this.#handle(await this.#eventOf(frame)),
      onLost: (error) => {
        this.#lastError = error ?? this.#lastError;
        return this.#handle({ kind: "lost" });
      },
    });
    this.#wake = new DeadlineTimer(options.clock, this.#timers, () => {
      void this.#dispatch({ kind: "wake" });
    });
    const { state } = startReplica(this.#context());
    this.#state = state;
    this.#statuses = new LatestValue(this.status());
  }

  get manifest(): Manifest {
    const { session } = this.#model;
    if (session === null) throw new ReplicaClosedError("it never had a state");
    return session.manifest;
  }

  /** Starts, and waits for the first state. */
  async opened(): Promise<void> {
    const { transport, signal, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    signal?.addEventListener("abort", this.#abort, { once: true });
    const cancelTimeout = this.#timers.after(connectTimeoutMs, () => {
      const why = `nothing within ${connectTimeoutMs} ms${because(this.#lastError)}`;
      this.#first.reject(new ConnectError(transport.address, why, this.#lastError));
    });
    void this.#enqueue(() => this.#start());
    try {
      await this.#first.promise;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    } finally {
      cancelTimeout();
    }
  }

  status(): ReplicaStatus {
    const { kind, memory } = this.#state;
    const { served, eventTimeMs, headVersion } = memory;
    const ageMs = eventTimeMs === null ? null : this.#options.clock.nowMs() - eventTimeMs;
    return {
      phase: kind,
      version: served?.version ?? -1,
      fingerprint: served?.fingerprint ?? "",
      eventTimeMs,
      freshnessMs: ageMs === null ? null : Math.max(0, ageMs),
      lagVersions: served === null ? 0 : Math.max(0, headVersion - served.version),
      storedVersion: this.#model.storedVersion,
      scrubs: this.#scrub.passed,
      corruptions: this.#scrub.corruptions,
      updatesApplied: memory.updatesApplied,
      snapshots: memory.snapshots,
      rejected: memory.rejected,
      lastFault: this.#lastFault,
      bytesReceived: this.#bytesReceived,
    };
  }

  states(): AsyncIterable<ReplicaStatus> {
    return this.#statuses.values();
  }

  async predict(features: Features, size: number): Promise<Prediction> {
    if (this.#disposal !== null) throw new ReplicaClosedError("it was disposed");
    return this.#model.predict(features, size);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#scrub.stop();
    await this.#dispatch({ kind: "dispose", reason: "it was disposed" });
    await this.#model.retire();
  }

  /** Begins with the stored state, where there is one, and connects. */
  async #start(): Promise<void> {
    const restored = await this.#model.restore();
    if (this.#disposal !== null) return;
    this.#reader = this.#openReader();
    await this.#perform(startReplica(this.#context(), restored));
    if (restored !== null) this.#first.resolve();
    this.#scrub.start();
  }

  #openReader(): FeedReader {
    const { signatures = null } = this.#options;
    return new FeedReader(this.#parts, signatures, this.#model.manifestBytes);
  }

  readonly #abort = (): void => {
    this.#first.reject(this.#options.signal?.reason);
    // Nobody waits for it here; what fails then is the runtime's own disposal.
    this[Symbol.asyncDispose]().catch(() => undefined);
  };

  #dispatch(event: ReplicaEvent): Promise<void> {
    return this.#enqueue(() => this.#handle(event));
  }

  /** Everything happens in turn: one event with all that follows from it, then the next. */
  #enqueue(task: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(task);
    return this.#turn;
  }

  async #handle(event: ReplicaEvent): Promise<void> {
    await this.#perform(this.#parts.step(this.#state, event, this.#context()));
  }

  async #perform({ state, effects }: Step): Promise<void> {
    this.#state = state;
    for (const effect of effects) {
      const result = await this.#execute(effect);
      if (result !== null) await this.#handle(result);
    }
    this.#settle();
  }

  async #execute(effect: ReplicaEffect): Promise<ReplicaEvent | null> {
    switch (effect.kind) {
      case "open":
        this.#link.open();
        return null;
      case "close":
        this.#link.close();
        return null;
      case "send":
        this.#link.send(encodeReplicaMessage(effect.message));
        return null;
      case "apply":
      case "replace":
      case "load":
        try {
          return await this.#model.change(effect);
        } catch (error) {
          this.#failed(error);
          if (error instanceof CorruptUpdateError) return { kind: "malformed" };
          return { kind: "refused", fault: faultOf(error) };
        }
      default:
        return effect satisfies never;
    }
  }

  async #eventOf(frame: Uint8Array): Promise<ReplicaEvent> {
    this.#bytesReceived += frame.length;
    try {
      const message = await this.#reader.read(frame);
      this.#model.heard(message);
      if (message.kind === "end") this.#lastError = new Error(message.message);
      return { kind: "message", message };
    } catch (error) {
      if (!(error instanceof EverfreshError)) throw error;
      this.#failed(error);
      const isHopeless =
        error instanceof UpdateSignatureError || error instanceof SigningUnavailableError;
      // Who has no state yet is told at once whom not to trust; who has one serves on.
      if (isHopeless && this.#model.session === null) this.#first.reject(error);
      return { kind: "malformed" };
    }
  }

  #failed(error: unknown): void {
    this.#lastError = error;
    this.#lastFault = {
      code: error instanceof EverfreshError ? error.code : null,
      message: error instanceof Error ? error.message : String(error),
    };
  }

  #settle(): void {
    this.#wake.at(this.#state.kind === "closed" ? null : this.#state.deadlineMs);
    const status = this.status();
    const last = this.#statuses.value;
    const changed =
      status.phase !== last.phase ||
      status.version !== last.version ||
      status.fingerprint !== last.fingerprint ||
      status.rejected !== last.rejected;
    if (changed) this.#statuses.set(status);
    if (this.#state.kind === "live") this.#first.resolve();
    if (this.#state.kind === "closed") {
      this.#statuses.end();
      const why = `${this.#state.reason}${because(this.#lastError)}`;
      // Without effect when there was a first state.
      this.#first.reject(new ConnectError(this.#options.transport.address, why, this.#lastError));
    }
  }

  #context(): StepContext {
    return {
      nowMs: this.#options.clock.monotonicMs(),
      jitter: this.#options.random.float(),
      limits: this.#limits,
    };
  }
}

function because(error: unknown): string {
  return error instanceof Error ? ` (${error.message})` : "";
}
