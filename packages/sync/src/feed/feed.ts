import type { Clock, DeployedState, Fingerprint, Update } from "@everfresh/core";

import type { SigningKey } from "../codec/signing-keys.ts";
import { type HashManifest, hashManifest } from "../codec/state-signature.ts";
import type { Manifest, Snapshot } from "../manifest.ts";
import { frameUpdate } from "../protocol/message-codec.ts";
import type { Ack, EndReason, Position } from "../protocol/message.ts";
import type { StateName } from "../replica/runtime.ts";
import { systemTimers, type Timers } from "../timers.ts";
import type { MaybePromise, MissingUpdates, UpdateHistory } from "./catch-up.ts";
import {
  FEED_LIMITS,
  type FeedAck,
  type FeedConnection,
  type FeedLimits,
  type FeedReplica,
  type FeedSession,
} from "./feed-connection.ts";
import { type FeedHost, FeedMember } from "./feed-member.ts";
import { FeedState, type SealedState } from "./feed-state.ts";
import type { PublishedUpdate } from "./recent-updates.ts";

/** How many published versions are remembered to time and check acknowledgements. */
const RECENT_VERSIONS_MAX = 1_024;

/** Options of {@link Feed}. */
export interface FeedOptions {
  readonly manifest: Manifest;
  /** The state to start from; it is copied, and only {@link Feed.publish} changes the copy. */
  readonly deployed: DeployedState;
  readonly clock: Clock;
  /** @default the runtime's own */
  readonly timers?: Timers;
  readonly limits?: FeedLimits;
  /** Where updates are that are no longer in memory. @default none: such a replica gets a snapshot */
  readonly history?: UpdateHistory;
  /**
   * Signs what this feed makes: manifest, snapshots and merged updates; and what it finds in the
   * history that another key has signed, or none. Published updates are signed before.
   * @default nothing is signed
   */
  readonly signingKey?: SigningKey;
  /** Called for each acknowledgement of a version that is still remembered; must not throw. */
  readonly onAck?: (ack: FeedAck) => void;
}

/** Someone who follows what a feed publishes without a connection. */
export type PublishListener = (update: Update, bytes: Uint8Array) => void;

/** The parts of a feed that a simulation replaces. */
export interface FeedParts {
  readonly hash: HashManifest;
}

const PARTS: FeedParts = { hash: hashManifest };

interface PublishedVersion {
  readonly fingerprint: Fingerprint;
  readonly atMs: number;
}

/**
 * Fans updates out to any number of replicas, over whatever carries their connections. It keeps its
 * own copy of the deployed state, so that a snapshot always fits the updates that follow it, and so
 * that an update that does not apply is never sent.
 */
export class Feed implements Disposable {
  readonly #state: FeedState;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #limits: Required<FeedLimits>;
  readonly #onAck: ((ack: FeedAck) => void) | undefined;
  /** One for all members: thousands of them each hold it. */
  readonly #host: FeedHost;
  readonly #members = new Set<FeedMember>();
  readonly #recent = new Map<number, PublishedVersion>();
  readonly #listeners = new Set<PublishListener>();
  #cancelBeat: (() => void) | null = null;
  #connected = 0;
  #disposed = false;

  constructor(options: FeedOptions, { hash }: FeedParts = PARTS) {
    this.#clock = options.clock;
    this.#timers = options.timers ?? systemTimers;
    this.#limits = { ...FEED_LIMITS, ...options.limits };
    this.#onAck = options.onAck;
    this.#state = new FeedState({
      manifest: options.manifest,
      deployed: options.deployed,
      history: options.history ?? null,
      historyBytesMax: this.#limits.historyBytesMax,
      signingKey: options.signingKey ?? null,
      hash,
    });
    this.#host = {
      clock: this.#clock,
      limits: this.#limits,
      state: this.#state,
      acknowledged: (member, ack) => this.#acknowledged(member, ack),
      left: (member) => this.#left(member),
    };
    this.#remember();
  }

  /** Identity of the log whose updates these are. */
  get logId(): string {
    return this.#state.logId;
  }

  /** The version that a replica joining now gets. */
  get version(): number {
    return this.#state.version;
  }

  /** The fingerprint of that version. */
  get fingerprint(): Fingerprint {
    return this.#state.fingerprint;
  }

  /** Takes over a new connection; nothing is sent before the replica's hello. */
  connect(connection: FeedConnection): FeedSession {
    this.#connected++;
    const member = new FeedMember(`replica-${this.#connected}`, this.#host, connection);
    if (this.#disposed) member.end("shutdown", "server is shutting down");
    else if (this.#members.size >= this.#limits.connectionsMax) {
      member.end("busy", `server has ${this.#members.size} replicas already`);
    } else {
      this.#members.add(member);
      this.#keepBeating();
    }
    return member;
  }

  /**
   * Sends the next update to every replica that keeps up. One that is not new (`toVersion` not
   * above this feed's version) is ignored, as when a log is replayed.
   * @param bytes the update as `encodeUpdate` made it
   * @throws VersionGapError, FingerprintMismatchError, ValueRangeError or ShapeError when it does
   * not apply; then nobody gets it
   */
  publish(update: Update, bytes: Uint8Array): void {
    if (update.toVersion <= this.#state.version) return;
    this.#state.apply(update, bytes);
    this.#remember();
    const frame = frameUpdate(bytes);
    const { toVersion: version, fingerprintAfter: fingerprint } = update;
    const to: Position = { logId: this.logId, version, fingerprint };
    for (const member of [...this.#members]) member.update(frame, to);
    for (const listener of this.#listeners) listener(update, bytes);
  }

  /** Calls `listener` after each update that was published; returns how to end that. */
  subscribe(listener: PublishListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Updates that bring a state to the current one in few bytes, if memory or log have them. */
  async updatesSince(have: StateName): Promise<MissingUpdates | null> {
    return this.#state.updatesSince(have);
  }

  /**
   * The updates of the log that lead from version `from` to `to`, as they are sent and as far as they
   * are there; throws what the log does. Nothing without a history.
   */
  history(from: number, to: number): AsyncIterable<PublishedUpdate> {
    return this.#state.history(from, to);
  }

  /** The replicas that have said hello, in the order in which they came. */
  replicas(): readonly FeedReplica[] {
    return [...this.#members].flatMap((member) => member.replica ?? []);
  }

  /** A copy of the current state. */
  snapshot(): Snapshot {
    const snapshot = this.#state.snapshot();
    return { ...snapshot, bytes: snapshot.bytes.slice() };
  }

  /** Manifest and current state as they are sent; made once per version. */
  sealed(): MaybePromise<SealedState> {
    return this.#state.sealed();
  }

  /** Says goodbye to every replica and takes no more. May be called more than once. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#endAll("shutdown", "server is shutting down");
    this.#cancelBeat?.();
    this.#cancelBeat = null;
  }

  #endAll(reason: EndReason, message: string): void {
    for (const member of [...this.#members]) member.end(reason, message);
  }

  #acknowledged(member: FeedMember, { version, fingerprint }: Ack): boolean {
    if (version > this.#state.version) return false;
    const published = this.#recent.get(version);
    if (published === undefined) return true;
    if (published.fingerprint !== fingerprint) return false;
    const latencyMs = this.#clock.monotonicMs() - published.atMs;
    this.#onAck?.({ replicaId: member.id, version, latencyMs });
    return true;
  }

  #remember(): void {
    const { version, fingerprint } = this.#state;
    this.#recent.set(version, { fingerprint, atMs: this.#clock.monotonicMs() });
    for (const old of this.#recent.keys()) {
      if (this.#recent.size <= RECENT_VERSIONS_MAX) break;
      this.#recent.delete(old);
    }
  }

  #left(member: FeedMember): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#cancelBeat?.();
    this.#cancelBeat = null;
  }

  #keepBeating(): void {
    this.#cancelBeat ??= this.#timers.after(this.#limits.beatMs, () => {
      this.#cancelBeat = null;
      for (const member of [...this.#members]) member.beat();
      if (this.#members.size > 0) this.#keepBeating();
    });
  }
}
