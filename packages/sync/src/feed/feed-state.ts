import {
  deployCopy,
  type DeployedState,
  type Fingerprint,
  stateBytes,
  type Update,
} from "@everfresh/core";

import { encodeManifest } from "../codec/manifest-codec.ts";
import { encodeSnapshot } from "../codec/snapshot-codec.ts";
import { type HashManifest, signManifest, signSnapshot } from "../codec/state-signature.ts";
import type { SigningKey } from "../codec/signing-keys.ts";
import type { Manifest, Snapshot } from "../manifest.ts";
import {
  encodeFeedMessage,
  frameManifest,
  frameSnapshot,
  frameUpdate,
} from "../protocol/message-codec.ts";
import type { Position } from "../protocol/message.ts";
import type { StateName } from "../replica/runtime.ts";
import {
  type Answer,
  CatchUp,
  type MaybePromise,
  type MissingUpdates,
  type UpdateHistory,
} from "./catch-up.ts";
import { type PublishedUpdate, RecentUpdates } from "./recent-updates.ts";

/** Manifest and current state as they are sent: encoded, and signed where the feed has a key. */
export interface SealedState {
  readonly version: number;
  readonly manifest: Uint8Array;
  readonly snapshot: Uint8Array;
}

/** Options of {@link FeedState}. */
export interface FeedStateOptions {
  readonly manifest: Manifest;
  /** Copied. */
  readonly deployed: DeployedState;
  readonly history: UpdateHistory | null;
  readonly historyBytesMax: number;
  readonly signingKey: SigningKey | null;
  readonly hash: HashManifest;
}

/** A manifest as it is sent, and what snapshots are signed with besides. */
interface SignedManifest {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

/**
 * What a feed knows: its own copy of the deployed state with the newest updates, and what a replica
 * gets of it that has missed something.
 */
export class FeedState {
  readonly #manifest: Manifest;
  readonly #deployed: DeployedState;
  readonly #updates: RecentUpdates;
  readonly #catchUp: CatchUp;
  readonly #signingKey: SigningKey | null;
  readonly #hash: HashManifest;
  #signedManifest: Promise<SignedManifest> | null = null;
  readonly #manifestBytes: Uint8Array;
  #eventTimeMs: number | null;
  #sealed: { readonly version: number; readonly state: MaybePromise<SealedState> } | null = null;
  readonly #frames = new WeakMap<Uint8Array, Uint8Array>();
  #head: { readonly version: number; readonly frame: Uint8Array } | null = null;

  constructor(options: FeedStateOptions) {
    const { manifest, deployed, history, historyBytesMax, signingKey } = options;
    this.#hash = options.hash;
    this.#manifest = manifest;
    this.#manifestBytes = encodeManifest(manifest).slice();
    this.#deployed = deployCopy(deployed.state, deployed.version);
    this.#eventTimeMs = deployed.eventTimeMs;
    this.#signingKey = signingKey;
    this.#updates = new RecentUpdates(historyBytesMax);
    this.#catchUp = new CatchUp({
      deployed: this.#deployed,
      recent: this.#updates,
      history,
      historyBytesMax,
      signingKey,
    });
  }

  get logId(): string {
    return this.#manifest.logId;
  }

  get version(): number {
    return this.#deployed.version;
  }

  get fingerprint(): Fingerprint {
    return this.#deployed.fingerprint;
  }

  get stateBytes(): number {
    return this.#deployed.state.layout.byteLength;
  }

  /** Bytes of updates that are kept. */
  get updateBytes(): number {
    return this.#updates.bytes;
  }

  /** Makes the change of an update, or throws and stays as it is. */
  apply(update: Update, bytes: Uint8Array): void {
    this.#deployed.apply(update);
    this.#eventTimeMs = update.eventTimeMs ?? this.#eventTimeMs;
    const { fromVersion, toVersion, fingerprintBefore, fingerprintAfter } = update;
    const span = { fromVersion, toVersion, fingerprintBefore, fingerprintAfter };
    this.#updates.push({ span, bytes });
  }

  /** The state now; its bytes are the state's own memory. */
  snapshot(): Snapshot {
    const { state, version, fingerprint } = this.#deployed;
    const time = this.#eventTimeMs === null ? {} : { eventTimeMs: this.#eventTimeMs };
    return { version, fingerprint, ...time, bytes: stateBytes(state) };
  }

  /** Manifest and current state as they are sent; made once per version. */
  sealed(): MaybePromise<SealedState> {
    const { version } = this.#deployed;
    if (this.#sealed?.version !== version) this.#sealed = { version, state: this.#seal() };
    return this.#sealed.state;
  }

  /** The `head` message. */
  headFrame(): Uint8Array {
    const { version, fingerprint } = this.#deployed;
    if (this.#head?.version !== version) {
      const { logId } = this.#manifest;
      const frame = encodeFeedMessage({ kind: "head", logId, version, fingerprint });
      this.#head = { version, frame };
    }
    return this.#head.frame;
  }

  /** Updates that lead from `have` to here in few bytes; null when a snapshot is to be taken. */
  updatesSince(have: StateName): MaybePromise<MissingUpdates | null> {
    return this.#catchUp.updatesSince(have);
  }

  /** The log's updates from one version to another, as they are sent. */
  history(from: number, to: number): AsyncIterable<PublishedUpdate> {
    return this.#catchUp.logged(from, to);
  }

  /** What a replica gets that has `have`, a state of this log; without it a snapshot. */
  answer(have: Position | null, withManifest: boolean): MaybePromise<Answer> {
    if (have === null || withManifest) return this.#snapshotAnswer(withManifest);
    const { version, fingerprint } = this.#deployed;
    if (have.version === version && have.fingerprint === fingerprint) {
      return { frames: [this.headFrame()], at: { version, fingerprint }, isSnapshot: false };
    }
    const missing = this.updatesSince(have);
    return missing instanceof Promise
      ? missing.then((updates) => this.#updatesAnswer(updates))
      : this.#updatesAnswer(missing);
  }

  #updatesAnswer(updates: MissingUpdates | null): MaybePromise<Answer> {
    const last = updates?.at(-1);
    if (updates === null || last === undefined) return this.#snapshotAnswer(false);
    const { toVersion: version, fingerprintAfter: fingerprint } = last.span;
    const frames = updates.map(({ bytes }) => frameUpdate(bytes));
    return { frames, at: { version, fingerprint }, isSnapshot: false };
  }

  #snapshotAnswer(withManifest: boolean): MaybePromise<Answer> {
    const { version, fingerprint } = this.#deployed;
    const sealed = this.sealed();
    const answer = ({ manifest, snapshot }: SealedState): Answer => {
      const { logId } = this.#manifest;
      const frame = this.#shared(snapshot, (bytes) => frameSnapshot(logId, bytes));
      const frames = withManifest ? [this.#shared(manifest, frameManifest), frame] : [frame];
      return { frames, at: { version, fingerprint }, isSnapshot: true };
    };
    return sealed instanceof Promise ? sealed.then(answer) : answer(sealed);
  }

  /** The frame of `bytes`, one for all connections: thousands may join at once. */
  #shared(bytes: Uint8Array, frame: (bytes: Uint8Array) => Uint8Array): Uint8Array {
    const known = this.#frames.get(bytes);
    if (known !== undefined) return known;
    const made = frame(bytes);
    this.#frames.set(bytes, made);
    return made;
  }

  #seal(): MaybePromise<SealedState> {
    const { version } = this.#deployed;
    const manifest = this.#manifestBytes;
    // Encoding copies the state, so that signing may take its time.
    const snapshot = encodeSnapshot(this.snapshot());
    const key = this.#signingKey;
    if (key === null) return { version, manifest, snapshot };
    this.#signedManifest ??= this.#signManifest(key);
    return this.#signedManifest.then(async ({ bytes, hash }) => ({
      version,
      manifest: bytes,
      snapshot: await signSnapshot(snapshot, key, hash),
    }));
  }

  async #signManifest(key: SigningKey): Promise<SignedManifest> {
    const bytes = await signManifest(this.#manifestBytes, key);
    return { bytes, hash: await this.#hash(this.#manifestBytes) };
  }
}
