import { type Clock, Random, systemClock } from "@everfresh/core";

import { TransportError } from "../../errors.ts";
import {
  decodeReplicaMessage,
  encodeFeedMessage,
  frameManifest,
  frameSnapshot,
  frameUpdate,
} from "../../protocol/message-codec.ts";
import type { Position } from "../../protocol/message.ts";
import { systemTimers, type Timers } from "../../timers.ts";
import { FrameQueue } from "../frame-queue.ts";
import type { Connection, Transport } from "../transport.ts";
import { decodeHttpHead, type HttpHead } from "./http-head.ts";
import { cheapestPath, type HttpPath } from "./http-path.ts";
import { type Fetch, HttpRequests } from "./http-requests.ts";
import { NewestHead } from "./newest-head.ts";
import { updatesOf } from "./segment.ts";

/** Options of {@link httpTransport}. */
export interface HttpTransportOptions {
  /** @default the runtime's own */
  readonly fetch?: Fetch;
  /** @default the runtime's own */
  readonly timers?: Timers;
  /** @default the machine's own */
  readonly clock?: Clock;
  /** Spreads the requests of many replicas out. @default seeded by the runtime */
  readonly random?: Random;
  /** Time between two looks at the head while it changes. @default 1,000 ms */
  readonly pollMs?: number;
  /** The longest that this grows to while it does not change. @default 5,000 ms */
  readonly pollMsMax?: number;
}

/** Bytes that may wait while the replica is busy. */
const INBOUND_BYTES_MAX: number = 64 * 2 ** 20;

/** How much longer each look without news waits, up to the longest. */
const IDLE_FACTOR = 1.5;

/** A head may name a segment that is gone by the time that it is asked for; another head will not. */
const STALE_HEADS_MAX = 3;

/**
 * Follows a model by plain HTTP, through any caches: looks at `head` again and again, and fetches
 * what is missing by the way with the fewest bytes.
 * @param url of the model, starting with http:// or https://
 */
export function httpTransport(url: string, options: HttpTransportOptions = {}): Transport {
  const newest = new NewestHead(options.clock ?? systemClock);
  return {
    address: url,
    async open(signal) {
      signal.throwIfAborted();
      const polling = new PollingConnection(url, options, newest, signal);
      await polling.start();
      return polling;
    },
  };
}

/** Plays the feed's part of the protocol on the replica's side. */
class PollingConnection implements Connection {
  readonly #url: string;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #pollMs: number;
  readonly #pollMsMax: number;
  readonly #newest: NewestHead;
  readonly #queue = new FrameQueue(INBOUND_BYTES_MAX);
  readonly #requests: HttpRequests;
  /** Ends the attempt, and the connection that comes of it. */
  readonly #opener: AbortSignal;
  #wake: (() => void) | null = null;
  #head: HttpHead | null = null;
  #etag: string | null = null;
  #waitMs: number;
  /** Whether the replica has said hello; before that it gets nothing. */
  #isAsked = false;
  #isGreeting = false;
  /** The log whose manifest the replica has. */
  #manifestLogId: string | null = null;
  /** What the replica has once it took all frames; null when only a snapshot helps. */
  #has: Position | null = null;

  constructor(url: string, options: HttpTransportOptions, newest: NewestHead, signal: AbortSignal) {
    this.#newest = newest;
    this.#url = url.replace(/\/+$/, "");
    this.#timers = options.timers ?? systemTimers;
    const request: Fetch = options.fetch ?? ((address, init) => fetch(address, init));
    this.#requests = new HttpRequests(this.#url, request, this.#timers);
    this.#random = options.random ?? new Random(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
    this.#pollMs = options.pollMs ?? 1_000;
    this.#pollMsMax = options.pollMsMax ?? 5_000;
    this.#waitMs = this.#pollMs;
    this.#opener = signal;
    signal.addEventListener("abort", this.#aborted, { once: true });
  }

  /** The first look: whether there is a model. */
  async start(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      this.close();
      throw error;
    }
    void this.#follow();
  }

  send(frame: Uint8Array): void {
    if (this.#requests.isEnded) return;
    const message = decodeReplicaMessage(frame);
    if (message.kind === "ack") return;
    this.#isAsked = true;
    this.#has = message.have;
    if (message.kind === "hello") this.#manifestLogId = message.have?.logId ?? null;
    else if (message.reason === "noManifest") this.#manifestLogId = null;
    if (message.kind !== "hello") return;
    this.#isGreeting = true;
    this.#wake?.();
  }

  close(): void {
    this.#end(undefined);
  }

  readonly #aborted = (): void => this.#end(this.#opener.reason);

  #end(reason: unknown): void {
    this.#opener.removeEventListener("abort", this.#aborted);
    this.#queue.clear();
    this.#requests.end(reason);
    this.#wake?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#queue[Symbol.asyncIterator]();
  }

  /** Looks, answers and waits until it is closed; never throws. */
  async #follow(): Promise<void> {
    try {
      for (;;) {
        if (this.#isAsked) await this.#answer();
        await this.#pause();
        if (this.#requests.isEnded) return;
        await this.#look();
      }
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      const known = error instanceof TransportError;
      this.#queue.end(known ? error : new TransportError(this.#url, cause, error));
      this.close();
    }
  }

  /** Asks for the head; waits longer each time that it is the same. */
  async #look(): Promise<void> {
    const known: Record<string, string> =
      this.#etag === null ? {} : { "if-none-match": this.#etag };
    const { status, etag, body } = await this.#requests.ask("head", known);
    if (status === 304) {
      this.#waitMs = Math.min(this.#pollMsMax, this.#waitMs * IDLE_FACTOR);
      return;
    }
    const head = decodeHttpHead(body);
    if (!this.#newest.believes(head)) return;
    this.#waitMs = this.#pollMs;
    this.#etag = etag;
    this.#head = head;
  }

  async #answer(): Promise<void> {
    for (let stale = 0; stale < STALE_HEADS_MAX; stale++) {
      // All that came so far was older than what is known.
      if (this.#head === null) return;
      if (await this.#fetchMissing()) return;
      this.#etag = null;
      await this.#look();
    }
    throw new TransportError(this.#url, "its head names what cannot be fetched");
  }

  /** Hands over what is missing, then the head; false when something of it is gone. */
  async #fetchMissing(): Promise<boolean> {
    const head = this.#head;
    if (head === null) return false;
    const { logId, version, fingerprint } = head;
    const asked = this.#has;
    const needsManifest = this.#manifestLogId !== logId;
    const has = asked?.logId === logId && !needsManifest ? asked : null;
    if (has === null || has.version < version) {
      const have = has?.version ?? null;
      // Where nothing leads on from what is there, a new connection begins anew.
      const path = cheapestPath(head, have) ?? (this.#isGreeting ? cheapestPath(head, null) : null);
      const frames = path === null ? null : await this.#framesOn(path, head, needsManifest);
      if (path === null || frames === null) return false;
      const goesOn = have !== null && (path.anchor === null || path.anchor.version > have);
      // Meanwhile the replica may have said that it has something else.
      if (this.#has !== asked) return true;
      // Updates do not name their log: a new connection does, before the first one.
      const greeting = encodeFeedMessage({ kind: "head", logId, version, fingerprint });
      if (this.#isGreeting && goesOn) this.#push(greeting);
      this.#isGreeting = false;
      for (const frame of frames) this.#push(frame);
      this.#manifestLogId = logId;
      this.#has = { logId, version, fingerprint };
    }
    this.#push(encodeFeedMessage({ kind: "head", logId, version, fingerprint }));
    return true;
  }

  async #framesOn(
    path: HttpPath,
    head: HttpHead,
    needsManifest: boolean,
  ): Promise<Uint8Array[] | null> {
    const log = encodeURIComponent(head.logId);
    const edition = encodeURIComponent(head.manifest);
    const frames: Uint8Array[] = [];
    if (needsManifest) {
      const manifest = await this.#get(`manifests/${log}/${edition}`);
      if (manifest === null) return null;
      frames.push(frameManifest(manifest));
    }
    if (path.anchor !== null) {
      const snapshot = await this.#get(`anchors/${log}/${edition}/${path.anchor.version}`);
      if (snapshot === null) return null;
      frames.push(frameSnapshot(head.logId, snapshot));
    }
    for (const { from, to } of path.segments) {
      const body = await this.#get(`segments/${log}/${edition}/${from}-${to}`);
      if (body === null) return null;
      frames.push(...updatesOf(body).map(frameUpdate));
    }
    return frames;
  }

  /** The body at a path; null when it is not there. */
  async #get(path: string): Promise<Uint8Array | null> {
    const { status, body } = await this.#requests.ask(path, {});
    return status === 404 ? null : body;
  }

  #push(frame: Uint8Array): void {
    if (!this.#queue.push(frame)) throw new TransportError(this.#url, FULL);
  }

  /** Waits between half and all of the time; a hello ends it. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const waitMs = this.#isAsked ? this.#waitMs * (0.5 + this.#random.float() / 2) : 1e9;
      const wake = (): void => {
        cancel();
        this.#wake = null;
        resolve();
      };
      const cancel = this.#timers.after(waitMs, wake);
      this.#wake = wake;
    });
  }
}

const FULL = "more updates came than could be applied";
