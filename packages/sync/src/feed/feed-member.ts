/**
 * One replica as the feed sees it:
 *
 *   joining ── hello ──► following ◄── drained, snapshot ──┐
 *                          │    └── too much buffered ──► stalled
 *                          └── resync ──► stalled (until a snapshot is allowed again)
 *
 * A following replica gets every update; a stalled one gets none, then a fresh snapshot.
 */
import { type Clock, EverfreshError } from "@everfresh/core";

import { UnsupportedFormatError } from "../errors.ts";
import { decodeReplicaMessage, encodeFeedMessage } from "../protocol/message-codec.ts";
import type { Ack, EndReason, Hello, ReplicaMessage, Resync } from "../protocol/message.ts";
import type { FeedConnection, FeedLimits, FeedReplica, FeedSession } from "./feed-connection.ts";

/** What a member needs from its feed. */
export interface FeedHost {
  readonly clock: Clock;
  readonly limits: Required<FeedLimits>;
  readonly logId: string;
  readonly version: number;
  readonly fingerprint: string;
  /** Bytes of the state. */
  readonly stateBytes: number;
  manifestFrame(): Uint8Array;
  snapshotFrame(): Uint8Array;
  headFrame(): Uint8Array;
  /** Whether `ack` names a state that was published, as far as the feed remembers. */
  acknowledged(member: FeedMember, ack: Ack): boolean;
  left(member: FeedMember): void;
}

type Phase = "joining" | "following" | "stalled" | "gone";

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
  #snapshotAtMs = -Infinity;
  #needsManifest = false;

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

  /** A new update: sent while this replica keeps up. */
  update(frame: Uint8Array): void {
    if (this.#phase === "stalled") this.#recover();
    else if (this.#phase === "following") {
      const { limits, stateBytes } = this.#host;
      const roomBytes = limits.bufferedBytesMax + stateBytes;
      if (this.#connection.bufferedBytes + frame.length > roomBytes) this.#phase = "stalled";
      else this.#send(frame);
    }
  }

  /** Time has passed: sends signs of life and what had to wait. */
  beat(): void {
    const { clock, limits } = this.#host;
    if (this.#phase === "joining") {
      if (clock.monotonicMs() - this.#openedAtMs >= limits.helloMs) {
        this.end("violation", "no hello in time");
      }
    } else if (this.#phase === "stalled") this.#recover();
    else if (this.#phase === "following" && this.#isDrained()) this.#send(this.#host.headFrame());
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
    const host = this.#host;
    this.#phase = "following";
    const sameLog = have?.logId === host.logId;
    if (sameLog && have.version === host.version && have.fingerprint === host.fingerprint) {
      this.#send(host.headFrame());
      return;
    }
    this.#needsManifest = !sameLog;
    this.#sendSnapshot();
  }

  #acknowledge(ack: Ack): void {
    this.#acknowledged = ack;
    this.#lastAckMs = this.#host.clock.nowMs();
    // A replica checks itself; if it was wrong all the same, it must not go on from there.
    if (!this.#host.acknowledged(this, ack)) this.#phase = "stalled";
    if (this.#phase === "stalled") this.#recover();
  }

  #resync({ reason }: Resync): void {
    if (reason === "noManifest") this.#needsManifest = true;
    this.#phase = "stalled";
    this.#recover();
  }

  #recover(): void {
    const { clock, limits } = this.#host;
    const sinceMs = clock.monotonicMs() - this.#snapshotAtMs;
    if (sinceMs >= limits.snapshotIntervalMs && this.#isDrained()) this.#sendSnapshot();
  }

  #isDrained(): boolean {
    return this.#connection.bufferedBytes <= this.#host.limits.bufferedBytesMax / 4;
  }

  #sendSnapshot(): void {
    this.#phase = "following";
    this.#snapshotAtMs = this.#host.clock.monotonicMs();
    if (this.#needsManifest) this.#send(this.#host.manifestFrame());
    this.#needsManifest = false;
    this.#send(this.#host.snapshotFrame());
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
