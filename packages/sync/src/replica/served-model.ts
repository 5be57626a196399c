import type { Features } from "@everfresh/core";

import { checkManifest, encodeManifest } from "../codec/manifest-codec.ts";
import { decodeUpdate } from "../codec/update-codec.ts";
import { ReplicaClosedError } from "../errors.ts";
import type { Manifest, Snapshot } from "../manifest.ts";
import type { FeedMessage } from "../protocol/message.ts";
import type { ReplicaEffect, ReplicaEvent, RestoredReplica } from "./replica-machine.ts";
import { ReplicaPersistence } from "./replica-persistence.ts";
import type { ReplicaStore } from "./replica-store.ts";
import type { Prediction, Runtime, StateName } from "./runtime.ts";
import { ServedSession } from "./served-session.ts";

/** An effect that changes what is served. */
export type ServingEffect = Extract<ReplicaEffect, { readonly kind: "apply" | "replace" | "load" }>;

/** Options of {@link ServedModel}. */
export interface ServedModelOptions {
  readonly runtime: Runtime;
  readonly store: ReplicaStore | null;
  readonly onStoreError: (error: unknown) => void;
}

/** What a replica serves from, one runtime session after another, and keeps in its store. */
export class ServedModel {
  readonly #runtime: Runtime;
  readonly #onStoreError: (error: unknown) => void;
  readonly #persistence: ReplicaPersistence | null;
  /** Manifests and snapshots as they came. */
  readonly #wire = new WeakMap<Manifest | Snapshot, Uint8Array>();
  #session: ServedSession | null = null;

  constructor({ runtime, store, onStoreError }: ServedModelOptions) {
    this.#runtime = runtime;
    this.#onStoreError = onStoreError;
    this.#persistence = store === null ? null : new ReplicaPersistence(store, onStoreError);
  }

  /** What answers predictions now; null before the first state. */
  get session(): ServedSession | null {
    return this.#session;
  }

  /** The version that the store has for sure; null without one. */
  get storedVersion(): number | null {
    return this.#persistence?.version ?? null;
  }

  /** The manifest of what is served, encoded; null before the first state. */
  get manifestBytes(): Uint8Array | null {
    const session = this.#session;
    return session === null ? null : (this.#wire.get(session.manifest) ?? null);
  }

  /** Outputs for the raw features of `size` samples. */
  async predict(features: Features, size: number): Promise<Prediction> {
    if (this.#session === null) throw new ReplicaClosedError("it has no session");
    return this.#session.predict(features, size);
  }

  /** Begins to serve what the store has; null when that is nothing, or cannot be used. */
  async restore(): Promise<RestoredReplica | null> {
    const state = await this.#persistence?.restore();
    if (state === undefined || state === null) return null;
    const { manifest, snapshot } = state;
    const { version, fingerprint, eventTimeMs = null } = snapshot;
    try {
      await checkManifest(manifest);
      this.#session = new ServedSession(manifest, await this.#runtime.load(manifest, snapshot));
    } catch (error) {
      this.#onStoreError(error);
      return null;
    }
    this.#wire.set(manifest, encodeManifest(manifest));
    return { manifest, served: { logId: manifest.logId, version, fingerprint }, eventTimeMs };
  }

  /** Remembers the encoded form of what may be served later. */
  heard(message: FeedMessage): void {
    if (message.kind === "manifest") this.#wire.set(message.manifest, message.bytes);
    if (message.kind === "snapshot") this.#wire.set(message.snapshot, message.bytes);
  }

  /** Makes a change, whole or not at all; throws what the runtime does, or CorruptUpdateError. */
  async change(effect: ServingEffect): Promise<ReplicaEvent> {
    if (effect.kind === "load") {
      const { manifest, snapshot } = effect;
      await checkManifest(manifest);
      const session = await this.#runtime.load(manifest, snapshot);
      const old = this.#session;
      this.#session = new ServedSession(manifest, session);
      // The old one ends when its last prediction does; a failure then concerns nobody any more.
      old?.retire().catch(() => undefined);
      return this.#replaced(manifest, snapshot, snapshot);
    }
    const session = this.#session;
    if (session === null) throw new ReplicaClosedError("it has no session");
    const { manifest } = session;
    if (effect.kind === "replace") {
      const { snapshot } = effect;
      return this.#replaced(manifest, snapshot, await session.replace(snapshot));
    }
    const update = decodeUpdate(effect.bytes, { layout: manifest.layout });
    const name = await session.apply(update);
    this.#persistence?.applied(effect.bytes, name.version);
    return { kind: "applied", name, eventTimeMs: update.eventTimeMs };
  }

  /** Ends once the store is up to date and no prediction is under way. */
  async retire(): Promise<void> {
    await this.#persistence?.flushed();
    await this.#session?.retire();
  }

  #replaced(manifest: Manifest, snapshot: Snapshot, at: StateName): ReplicaEvent {
    const { version, fingerprint } = at;
    const manifestBytes = this.#wire.get(manifest);
    const snapshotBytes = this.#wire.get(snapshot);
    if (manifestBytes !== undefined && snapshotBytes !== undefined) {
      this.#persistence?.replaced(manifestBytes, snapshotBytes, version);
    }
    const position = { logId: manifest.logId, version, fingerprint };
    return { kind: "replaced", position, eventTimeMs: snapshot.eventTimeMs ?? null };
  }
}
