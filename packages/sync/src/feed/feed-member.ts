/**
 * One replica as the feed sees it:
 *
 *   joining ── hello ──► answering ── answered ──► following ── too much buffered ──► stalled
 *                          ▲                         └── resync ──► stalled              │
 *                          └──────── drained, and an answer is allowed again ────────────┘
 *
 * A following replica gets every update; a stalled one gets none, then what it misses in as few
 * bytes as possible. Answering takes no time unless something has to be read or signed.
 */
import { type Clock, EverfreshError } from "@everfresh/core";

import { UnsupportedFormatError } from "../errors.ts";
import { decodeReplicaMessage, encodeFeedMessage } from "../protocol/message-codec.ts";
import type {
  Ack,
  EndReason,
  Hello,
  Position,
  ReplicaMessage,
  Resync,
} from "../protocol/message.ts";
import type { Answer } from "./catch-up.ts";
import type { FeedState } from "./feed-state.ts";
import type { FeedConnection, FeedLimits, FeedReplica, FeedSession } from "./feed-connection.ts";

/** What a member needs from its feed. */
export interface FeedHost {
  readonly clock: Clock;
  readonly limits: Required<FeedLimits>;
  readonly state: FeedState;
  /** Whether `ack` names a state that was published, as far as the feed remembers. */
  acknowledged(member: FeedMember, ack: Ack): boolean;
  left(member: FeedMember): void;
}

type Phase = "joining" | "answering" | "following" | "stalled" | "gone";

// WebSocket close codes (RFC 6455 section 7.4.1 and the IANA registry).
const CLOSE_CODES: { readonly [R in EndReason]: number } = {
  shutdown: 1001,
  busy: 1013,
  violation: 1008,
  unsupported: 1002,
};

/** Longest close reason: a control frame carries 125 bytes, 2 of them the code. */
const CLOSE_REASON_CHARACTERS_MAX = 40;

/** The feed's session with one replica. */
export class FeedMember implements FeedSession {
  readonly id: string;
  readonly #host: FeedHost;
  readonly #connection: FeedConnection;
  readonly #joinedAtMs: number;
  readonly #openedAtMs: number;
  #phase: Phase = "joining";
  #acknowledged: Ack | null = null;
  #lastAckMs: number | null = null;
  #answeredAtMs = -Infinity;
  #snapshotAtMs = -Infinity;
  #needsManifest = false;
  /** Nothing was sent yet. */
  #isGreeting = false;
  /** No update was sent since the last beat: it may wonder whether anybody is there. */
  #isQuiet = true;
  /** What it has once it took all that was sent; null when that cannot be built upon. */
  #has: Position | null = null;

  constructor(id: string, host: FeedHost, connection: FeedConnection) {
    this.id = id;
    this.#host = host;
    this.#connection = connection;
    this.#joinedAtMs = host.clock.nowMs();
    this.#openedAtMs = host.clock.monotonicMs();
  }

  /** This replica as others may see it; null before its hello. */
  get replica(): FeedReplica | null {
    if (this.#phase === "joining" || this.#phase === "gone") return null;
    return {
      id: this.id,
      version: this.#acknowledged?.version ?? -1,
      fingerprint: this.#acknowledged?.fingerprint ?? "",
      joinedAtMs: this.#joinedAtMs,
      lastAckMs: this.#lastAckMs,
    };
  }

  receive(frame: Uint8Array): void {
    if (this.#phase === "gone") return;
    let message: ReplicaMessage;
    try {
      message = decodeReplicaMessage(frame);
    } catch (error) {
      if (!(error instanceof EverfreshError)) throw error;
      const unsupported = error instanceof UnsupportedFormatError;
      this.end(unsupported ? "unsupported" : "violation", error.message);
      return;
    }
    if ((message.kind === "hello") !== (this.#phase === "joining")) {
      this.end("violation", `message "${message.kind}" is out of turn`);
      return;
    }
    this.#handle(message);
  }

  closed(): void {
    if (this.#phase === "gone") return;
    this.#phase = "gone";
    this.#host.left(this);
  }

  /** Says why, closes the connection and forgets it. */
  end(reason: EndReason, message: string): void {
    if (this.#phase === "gone") return;
    this.#send(encodeFeedMessage({ kind: "end", reason, message }));
    this.closed();
    this.#connection.close(CLOSE_CODES[reason], message.slice(0, CLOSE_REASON_CHARACTERS_MAX));
  }

  /** A new update, to the state `to`: sent while this replica keeps up. */
  update(frame: Uint8Array, to: Position): void {
    if (this.#phase === "stalled") this.#recover();
    else if (this.#phase === "following") {
      const { limits, state } = this.#host;
      const roomBytes = limits.bufferedBytesMax + state.stateBytes;
      if (this.#connection.bufferedBytes + frame.length > roomBytes) this.#phase = "stalled";
      else {
        this.#has = to;
        this.#isQuiet = false;
        this.#send(frame);
      }
    }
  }

  /** Time has passed: sends signs of life and what had to wait. */
  beat(): void {
    const isQuiet = this.#isQuiet;
    this.#isQuiet = true;
    const { clock, limits } = this.#host;
    if (this.#phase === "joining") {
      if (clock.monotonicMs() - this.#openedAtMs >= limits.helloMs) {
        this.end("violation", "no hello in time");
      }
    } else if (this.#phase === "stalled") this.#recover();
    else if (this.#phase === "following" && isQuiet && this.#isDrained())
      this.#send(this.#host.state.headFrame());
  }

  #handle(message: ReplicaMessage): void {
    switch (message.kind) {
      case "hello":
        this.#join(message);
        break;
      case "ack":
        this.#acknowledge(message);
        break;
      case "resync":
        this.#resync(message);
        break;
      default:
        message satisfies never;
    }
  }

  #join({ have }: Hello): void {
    const sameLog = have?.logId === this.#host.state.logId;
    this.#needsManifest = !sameLog;
    this.#has = sameLog ? have : null;
    this.#isGreeting = true;
    this.#answer();
  }

  #acknowledge(ack: Ack): void {
    this.#acknowledged = ack;
    this.#lastAckMs = this.#host.clock.nowMs();
    // A replica checks itself; if it was wrong all the same, it must not go on from there.
    if (!this.#host.acknowledged(this, ack)) this.#stall(null);
    if (this.#phase === "stalled") this.#recover();
  }

  #resync({ reason, have }: Resync): void {
    if (reason === "noManifest") this.#needsManifest = true;
    this.#stall(have?.logId === this.#host.state.logId ? have : null);
    this.#recover();
  }

  /** Lets it wait for an answer from `has` on; one that is under way is for another state. */
  #stall(has: Position | null): void {
    this.#has = has;
    this.#phase = "stalled";
  }

  #recover(): void {
    const { clock, limits } = this.#host;
    const sinceMs = clock.monotonicMs() - this.#answeredAtMs;
    if (sinceMs >= limits.snapshotIntervalMs && this.#isDrained()) this.#answer();
  }

  #isGone(): boolean {
    return this.#phase === "gone";
  }

  #isDrained(): boolean {
    return this.#connection.bufferedBytes <= this.#host.limits.bufferedBytesMax / 4;
  }

  /** Sends what is missing; afterwards updates follow in order. */
  #answer(): void {
    this.#phase = "answering";
    this.#answeredAtMs = this.#host.clock.monotonicMs();
    const asked = this.#has;
    const withManifest = this.#needsManifest;
    const answer = this.#host.state.answer(asked, withManifest);
    if (!(answer instanceof Promise)) {
      this.#take(answer);
      return;
    }
    answer.then(
      (late) => {
        // Meanwhile it may have gone, or said that it has something else.
        if (this.#phase === "answering" && this.#has === asked) this.#take(late);
      },
      (error: unknown) => this.end("busy", error instanceof Error ? error.message : String(error)),
    );
  }

  #take({ frames, at, isSnapshot }: Answer): void {
    const { clock, limits, state } = this.#host;
    const nowMs = clock.monotonicMs();
    if (isSnapshot && nowMs - this.#snapshotAtMs < limits.snapshotIntervalMs) {
      this.#phase = "stalled";
      return;
    }
    if (isSnapshot) this.#snapshotAtMs = nowMs;
    this.#phase = "following";
    this.#needsManifest = false;
    this.#has = { logId: state.logId, ...at };
    // Updates do not name their log: a new connection does, before the first one.
    if (this.#isGreeting && !isSnapshot && frames[0] !== state.headFrame()) {
      this.#send(state.headFrame());
    }
    this.#isGreeting = false;
    for (const frame of frames) this.#send(frame);
    // While the answer was made, more was published.
    if (at.version < state.version && !this.#isGone()) this.#answer();
  }

  #send(frame: Uint8Array): void {
    try {
      this.#connection.send(frame);
    } catch {
      // A carrier that cannot send is a lost connection; the replica comes back by itself.
      this.closed();
    }
  }
}
