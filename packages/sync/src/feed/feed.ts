import {
  type Clock,
  deployCopy,
  type DeployedState,
  type Fingerprint,
  type Update,
} from "@everfresh/core";

import type { Manifest, Snapshot } from "../manifest.ts";
import { encodeFeedMessage, frameUpdate } from "../protocol/message-codec.ts";
import type { Ack, EndReason } from "../protocol/message.ts";
import { systemTimers, type Timers } from "../timers.ts";
import {
  FEED_LIMITS,
  type FeedAck,
  type FeedConnection,
  type FeedLimits,
  type FeedReplica,
  type FeedSession,
} from "./feed-connection.ts";
import { type FeedHost, FeedMember } from "./feed-member.ts";

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
  /** Called for each acknowledgement of a version that is still remembered; must not throw. */
  readonly onAck?: (ack: FeedAck) => void;
}

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
  readonly #manifest: Manifest;
  readonly #deployed: DeployedState;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #limits: Required<FeedLimits>;
  readonly #onAck: ((ack: FeedAck) => void) | undefined;
  readonly #members = new Set<FeedMember>();
  readonly #recent = new Map<number, PublishedVersion>();
  readonly #manifestFrame: Uint8Array;
  #snapshotFrame: { readonly version: number; readonly frame: Uint8Array } | null = null;
  #headFrame: { readonly version: number; readonly frame: Uint8Array } | null = null;
  #cancelBeat: (() => void) | null = null;
  #connected = 0;
  #disposed = false;

  constructor(options: FeedOptions) {
    this.#manifest = options.manifest;
    this.#deployed = deployCopy(options.deployed.state, options.deployed.version);
    this.#clock = options.clock;
    this.#timers = options.timers ?? systemTimers;
    this.#limits = { ...FEED_LIMITS, ...options.limits };
    this.#onAck = options.onAck;
    this.#manifestFrame = encodeFeedMessage({ kind: "manifest", manifest: options.manifest });
    this.#remember();
  }

  /** The version that a replica joining now gets. */
  get version(): number {
    return this.#deployed.version;
  }

  /** The fingerprint of that version. */
  get fingerprint(): Fingerprint {
    return this.#deployed.fingerprint;
  }

  /** Takes over a new connection; nothing is sent before the replica's hello. */
  connect(connection: FeedConnection): FeedSession {
    this.#connected++;
    const member = new FeedMember(`replica-${this.#connected}`, this.#host(), connection);
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
    if (update.toVersion <= this.#deployed.version) return;
    this.#deployed.apply(update);
    this.#remember();
    const frame = frameUpdate(bytes);
    for (const member of [...this.#members]) member.update(frame);
  }

  /** The replicas that have said hello, in the order in which they came. */
  replicas(): readonly FeedReplica[] {
    return [...this.#members].flatMap((member) => member.replica ?? []);
  }

  /** A copy of the current state. */
  snapshot(): Snapshot {
    const { state, version, fingerprint } = this.#deployed;
    return { version, fingerprint, bytes: new Uint8Array(state.buffer).slice() };
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

  #host(): FeedHost {
    const deployed = this.#deployed;
    return {
      clock: this.#clock,
      limits: this.#limits,
      logId: this.#manifest.logId,
      stateBytes: deployed.state.buffer.byteLength,
      get version() {
        return deployed.version;
      },
      get fingerprint() {
        return deployed.fingerprint;
      },
      manifestFrame: () => this.#manifestFrame,
      snapshotFrame: () => this.#currentSnapshotFrame(),
      headFrame: () => this.#currentHeadFrame(),
      acknowledged: (member, ack) => this.#acknowledged(member, ack),
      left: (member) => this.#left(member),
    };
  }

  #currentSnapshotFrame(): Uint8Array {
    const { state, version, fingerprint } = this.#deployed;
    if (this.#snapshotFrame?.version !== version) {
      const snapshot = { version, fingerprint, bytes: new Uint8Array(state.buffer) };
      const { logId } = this.#manifest;
      const frame = encodeFeedMessage({ kind: "snapshot", logId, snapshot });
      this.#snapshotFrame = { version, frame };
    }
    return this.#snapshotFrame.frame;
  }

  #currentHeadFrame(): Uint8Array {
    const { version, fingerprint } = this.#deployed;
    if (this.#headFrame?.version !== version) {
      const frame = encodeFeedMessage({ kind: "head", version, fingerprint });
      this.#headFrame = { version, frame };
    }
    return this.#headFrame.frame;
  }

  #acknowledged(member: FeedMember, { version, fingerprint }: Ack): boolean {
    if (version > this.#deployed.version) return false;
    const published = this.#recent.get(version);
    if (published === undefined) return true;
    if (published.fingerprint !== fingerprint) return false;
    const latencyMs = this.#clock.monotonicMs() - published.atMs;
    this.#onAck?.({ replicaId: member.id, version, latencyMs });
    return true;
  }

  #remember(): void {
    const { version, fingerprint } = this.#deployed;
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
