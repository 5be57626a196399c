import {
  DeployedState,
  type Fingerprint,
  fingerprintOf,
  isAbsolute,
  isIncrement,
  type ModelState,
  type Update,
} from "@everfresh/core";

import { type Manifest, type Snapshot, stateOfSnapshot } from "../manifest.ts";
import type { Prediction, Runtime, RuntimeSession, StateName } from "../replica/runtime.ts";

/** Words that one part of a check covers. */
const SCRUB_WORDS = 16;

/** A runtime that keeps states as a real one does. */
export class SimRuntime implements Runtime {
  readonly #isTrusting: boolean;
  /** The memory of the session that was made last. */
  state: ModelState | null = null;
  /** A bit of it was flipped, and nobody has noticed yet. */
  isRotten = false;

  /** @param isTrusting a mutation: nothing is checked, the claims are believed */
  constructor(isTrusting: boolean) {
    this.#isTrusting = isTrusting;
  }

  /** What the memory really holds. */
  get fingerprint(): Fingerprint | null {
    return this.state === null ? null : fingerprintOf(this.state);
  }

  async load(manifest: Manifest, snapshot: Snapshot): Promise<RuntimeSession> {
    await Promise.resolve();
    return this.#isTrusting
      ? new TrustingSession(this, manifest, snapshot)
      : new CheckingSession(this, manifest, snapshot);
  }

  /** Memory rots. */
  rot(bit: number): void {
    if (this.state === null) return;
    const bytes = new Uint8Array(this.state.buffer, 0, this.state.layout.parameterCount * 4);
    const at = (bit >> 3) % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    this.isRotten = true;
  }
}

class CheckingSession implements RuntimeSession {
  readonly #runtime: SimRuntime;
  readonly #manifest: Manifest;
  #deployed: DeployedState;

  constructor(runtime: SimRuntime, manifest: Manifest, snapshot: Snapshot) {
    this.#runtime = runtime;
    this.#manifest = manifest;
    this.#deployed = this.#take(snapshot);
  }

  async predict(_inputs: Float32Array, size: number): Promise<Prediction> {
    await Promise.resolve();
    return { outputs: new Float32Array(size), ...this.#name() };
  }

  async apply(update: Update): Promise<StateName> {
    await Promise.resolve();
    this.#deployed.apply(update);
    return this.#name();
  }

  async replace(snapshot: Snapshot): Promise<StateName> {
    await Promise.resolve();
    this.#deployed = this.#take(snapshot);
    return this.#name();
  }

  async scrub(): Promise<void> {
    while (!this.#deployed.verifyPart(SCRUB_WORDS)) await Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  #take(snapshot: Snapshot): DeployedState {
    const { version, fingerprint } = snapshot;
    const state = stateOfSnapshot(this.#manifest.layout, snapshot);
    const deployed = new DeployedState(state, version, fingerprint);
    this.#runtime.state = state;
    this.#runtime.isRotten = false;
    return deployed;
  }

  #name(): StateName {
    const { version, fingerprint } = this.#deployed;
    return { version, fingerprint };
  }
}

/** Does as it is told. */
class TrustingSession implements RuntimeSession {
  readonly #runtime: SimRuntime;
  readonly #manifest: Manifest;
  #name: StateName = { version: -1, fingerprint: "" };

  constructor(runtime: SimRuntime, manifest: Manifest, snapshot: Snapshot) {
    this.#runtime = runtime;
    this.#manifest = manifest;
    this.#take(snapshot);
  }

  async predict(_inputs: Float32Array, size: number): Promise<Prediction> {
    await Promise.resolve();
    return { outputs: new Float32Array(size), ...this.#name };
  }

  async apply(update: Update): Promise<StateName> {
    await Promise.resolve();
    const { state } = this.#runtime;
    if (state !== null) write(state, update);
    this.#name = { version: update.toVersion, fingerprint: update.fingerprintAfter };
    return this.#name;
  }

  async replace(snapshot: Snapshot): Promise<StateName> {
    await Promise.resolve();
    return this.#take(snapshot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  #take(snapshot: Snapshot): StateName {
    this.#runtime.state = stateOfSnapshot(this.#manifest.layout, snapshot);
    this.#runtime.isRotten = false;
    this.#name = { version: snapshot.version, fingerprint: snapshot.fingerprint };
    return this.#name;
  }
}

/** The change of an update without any check. */
function write(state: ModelState, { valueType, indices, values, buffers }: Update): void {
  const { buffer, layout } = state;
  const bits = new Uint32Array(buffer, 0, layout.parameterCount);
  const numbers = new Float32Array(buffer, 0, layout.parameterCount);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  indices.forEach((index, i) => {
    if (isIncrement(valueType)) numbers[index] = (numbers[index] ?? 0) + (values[i] ?? 0);
    else if (isAbsolute(valueType)) bits[index] = words[i] ?? 0;
    else bits[index] = (bits[index] ?? 0) ^ (words[i] ?? 0);
  });
  for (const { tensor, data, adds = false } of buffers) {
    const entry = layout.tensors[tensor];
    if (entry === undefined) continue;
    if (adds) {
      const sums = new Float32Array(buffer, entry.byteOffset, data.length);
      sums.forEach((old, i) => (sums[i] = old + Number(data[i])));
    } else {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      new Uint8Array(buffer, entry.byteOffset, data.byteLength).set(bytes);
    }
  }
}
