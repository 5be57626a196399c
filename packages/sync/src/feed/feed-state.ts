import { deployCopy, type DeployedState, type Fingerprint, type Update } from "@everfresh/core";

import { encodeManifest } from "../codec/manifest-codec.ts";
import { encodeSnapshot } from "../codec/snapshot-codec.ts";
import { hashManifest, signManifest, signSnapshot } from "../codec/state-signature.ts";
import type { SigningKey } from "../codec/update-signature.ts";
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
import { RecentUpdates } from "./recent-updates.ts";

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
  readonly #manifestBytes: Uint8Array;
  #eventTimeMs: number | null;
  #sealed: { readonly version: number; readonly state: MaybePromise<SealedState> } | null = null;
  #head: { readonly version: number; readonly frame: Uint8Array } | null = null;

  constructor({ manifest, deployed, history, historyBytesMax, signingKey }: FeedStateOptions) {
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
    return this.#deployed.state.buffer.byteLength;
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
    return { version, fingerprint, ...time, bytes: new Uint8Array(state.buffer) };
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
      const frame = frameSnapshot(this.#manifest.logId, snapshot);
      const frames = withManifest ? [frameManifest(manifest), frame] : [frame];
      return { frames, at: { version, fingerprint }, isSnapshot: true };
    };
    return sealed instanceof Promise ? sealed.then(answer) : answer(sealed);
  }

  #seal(): MaybePromise<SealedState> {
    const { version } = this.#deployed;
    const manifest = this.#manifestBytes;
    // Encoding copies the state, so that signing may take its time.
    const snapshot = encodeSnapshot(this.snapshot());
    const key = this.#signingKey;
    if (key === null) return { version, manifest, snapshot };
    return (async () => ({
      version,
      manifest: await signManifest(manifest, key),
      snapshot: await signSnapshot(snapshot, key, await hashManifest(manifest)),
    }))();
  }
}
