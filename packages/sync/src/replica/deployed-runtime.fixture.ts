import { DeployedState, type Fingerprint, type Update } from "@everfresh/core";

import { type Manifest, type Snapshot, stateOfSnapshot } from "../manifest.ts";
import type { Prediction, Runtime, RuntimeSession, StateName } from "./runtime.ts";

/** A runtime that keeps states as a real one does, and "predicts" the sum of the parameters. */
export class DeployedRuntime implements Runtime {
  /** Fingerprints of every state that was ready to serve, in order. */
  readonly served: Fingerprint[] = [];
  /** Sessions made and not disposed. */
  openSessions = 0;
  /** Thrown by the next call that changes something, once. */
  failNext: Error | null = null;
  /** The next change ends at another state than it was told to, once. */
  lieNext = false;
  /** Predictions wait for it. */
  gate: Promise<void> = Promise.resolve();
  /** Words that one part of a scrub covers. */
  scrubWords = 50;
  /** The state that is served, to break it. */
  deployed: DeployedState | null = null;

  async load(manifest: Manifest, snapshot: Snapshot): Promise<RuntimeSession> {
    await this.maybeFail();
    const session = new DeployedSession(this, manifest, snapshot);
    this.openSessions++;
    return session;
  }

  async maybeFail(): Promise<void> {
    await Promise.resolve();
    const error = this.failNext;
    this.failNext = null;
    if (error !== null) throw error;
  }
}

class DeployedSession implements RuntimeSession {
  readonly #runtime: DeployedRuntime;
  readonly #manifest: Manifest;
  #deployed: DeployedState;
  #disposed = false;

  constructor(runtime: DeployedRuntime, manifest: Manifest, snapshot: Snapshot) {
    this.#runtime = runtime;
    this.#manifest = manifest;
    this.#deployed = stateOf(manifest, snapshot);
    this.#now();
  }

  async predict(_inputs: Float32Array, size: number): Promise<Prediction> {
    this.#mustLive();
    const { version, fingerprint, state } = this.#deployed;
    const sum = state.parameters.reduce((total, value) => total + value, 0);
    await this.#runtime.gate;
    this.#mustLive();
    return { outputs: new Float32Array(size).fill(sum), version, fingerprint };
  }

  async apply(update: Update): Promise<StateName> {
    await this.#runtime.maybeFail();
    this.#deployed.apply(update);
    return this.#now();
  }

  async replace(snapshot: Snapshot): Promise<StateName> {
    await this.#runtime.maybeFail();
    this.#deployed = stateOf(this.#manifest, snapshot);
    return this.#now();
  }

  async scrub(): Promise<void> {
    while (!this.#deployed.verifyPart(this.#runtime.scrubWords)) await Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    if (this.#disposed) throw new Error("session was disposed twice");
    this.#disposed = true;
    this.#runtime.openSessions--;
  }

  #mustLive(): void {
    if (this.#disposed) throw new Error("session was disposed before its prediction was done");
  }

  #now(): StateName {
    this.#runtime.deployed = this.#deployed;
    const { version, fingerprint } = this.#deployed;
    const isLie = this.#runtime.lieNext;
    this.#runtime.lieNext = false;
    if (isLie) return { version, fingerprint: "0".repeat(32) };
    this.#runtime.served.push(fingerprint);
    return { version, fingerprint };
  }
}

function stateOf(manifest: Manifest, snapshot: Snapshot): DeployedState {
  const state = stateOfSnapshot(manifest.layout, snapshot);
  return new DeployedState(state, snapshot.version, snapshot.fingerprint);
}
