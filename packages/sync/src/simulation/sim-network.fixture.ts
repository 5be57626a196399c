import { crc32, type Random } from "@everfresh/core";

import { TransportError } from "../errors.ts";
import type { FeedConnection, FeedSession } from "../feed/feed-connection.ts";
import {
  decodeFeedMessage,
  FEED_MESSAGE_TYPES,
  frameSnapshot,
  frameUpdate,
} from "../protocol/message-codec.ts";
import { FrameQueue } from "../transport/frame-queue.ts";
import type { HttpFeedAnswer, HttpFeedRequest } from "../transport/http/http-feed.ts";
import type { Fetch } from "../transport/http/http-requests.ts";
import { segmentBody, updatesOf } from "../transport/http/segment.ts";
import type { Connection, Transport } from "../transport/transport.ts";
import type { SimAttacker } from "./sim-attacker.fixture.ts";
import type { SimTime } from "./sim-time.fixture.ts";

/** What listens at the other end; null while nobody does. */
export interface SimServer {
  connect(connection: FeedConnection): FeedSession;
  answer(request: HttpFeedRequest): Promise<HttpFeedAnswer>;
}

/** How a line behaves. Chances are per frame. */
export interface LineFaults {
  readonly drop: number;
  /** Flips bits; a checksum notices. */
  readonly corrupt: number;
  /** Flips bits and mends the checksum: a broken program on the way. */
  readonly forge: number;
  /** Somebody puts his own in place of an update or a snapshot. */
  readonly attack: number;
  readonly duplicate: number;
  readonly reorder: number;
  /** Bytes per millisecond. */
  readonly bandwidth: number;
  readonly delayMs: number;
}

/** Where every line leads. */
export const ADDRESS = "line:model";

/** A line without faults. */
export const GOOD_LINE: LineFaults = {
  ...{ drop: 0, corrupt: 0, forge: 0, attack: 0, duplicate: 0, reorder: 0 },
  bandwidth: 10_000,
  delayMs: 20,
};

/** The line between one replica and the feed, as a transport and as HTTP. */
export class SimLine implements Transport {
  readonly address: string = ADDRESS;
  faults: LineFaults = GOOD_LINE;
  /** Nothing comes through, and nobody is told. */
  isPartitioned = false;
  /** Faults that happened. */
  counts: Record<string, number> = {};
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #server: () => SimServer | null;
  readonly #attacker: SimAttacker;
  #breaks = new Set<() => void>();
  #heads: HttpFeedAnswer[] = [];
  #bufferedBytes = 0;

  constructor(options: {
    readonly time: SimTime;
    readonly random: Random;
    readonly server: () => SimServer | null;
    readonly attacker: SimAttacker;
  }) {
    this.#time = options.time;
    this.#random = options.random;
    this.#server = options.server;
    this.#attacker = options.attacker;
  }

  /** Bytes on their way to the replica over the newest connection. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Breaks the connection: both ends notice, and what is on its way is lost. */
  break(): void {
    for (const breakOne of [...this.#breaks]) breakOne();
  }

  /** What it remembers of a server that is gone for good. */
  forget(): void {
    this.#heads = [];
  }

  open(signal: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.#time.after(this.#delay(), () => {
        const server = this.isPartitioned ? null : this.#server();
        if (signal.aborted) reject(signal.reason as Error);
        else if (server === null) reject(new TransportError(this.address, "nobody listens"));
        else resolve(this.#connect(server, signal));
      });
    });
  }

  /** Requests over the line, through a cache that may be a little behind. */
  readonly fetch: Fetch = (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error("lost"));
      signal.addEventListener("abort", fail, { once: true });
      this.#time.after(this.#delay(), () => {
        const server = this.isPartitioned ? null : this.#server();
        if (server === null || this.#happens("drop")) {
          fail();
          return;
        }
        const path = url.slice(ADDRESS.length + 1);
        const ifNoneMatch = headers["if-none-match"] ?? null;
        void server.answer({ path, ifNoneMatch }).then((fresh) => {
          const answer = path === "head" ? this.#cached(fresh) : fresh;
          const sent = this.#happens("attack") ? this.#attackedBody(path, answer) : answer.body;
          const [body = sent] = this.#damaged(sent, null);
          this.#time.after(this.#delay() + body.length / this.faults.bandwidth, () => {
            if (this.isPartitioned || this.#happens("drop")) fail();
            else
              resolve({
                status: answer.status,
                headers: { get: (name) => answer.headers[name] ?? null },
                arrayBuffer: () => Promise.resolve(body.slice().buffer),
              });
          });
        });
      });
    });

  #connect(server: SimServer, signal: AbortSignal): Connection {
    const queue = new FrameQueue(Infinity);
    let isOpen = true;
    let session: FeedSession | null = null;
    const finish = (error: Error | null): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#breaks.delete(breakOne);
      queue.end(error);
      session?.closed();
    };
    const breakOne = (): void => finish(new TransportError(this.address, "connection broke"));
    this.#breaks.add(breakOne);
    this.#bufferedBytes = 0;
    const down = this.#lane(() => isOpen);
    const up = this.#lane(() => isOpen);
    let buffered = 0;
    const buffer = (bytes: number): void => {
      buffered += bytes;
      this.#bufferedBytes = buffered;
    };
    const accepted = server.connect({
      send: (frame) => {
        buffer(frame.length);
        const left = (): void => buffer(-frame.length);
        down(frame, (arriving) => void queue.push(arriving), left);
      },
      get bufferedBytes() {
        return buffered;
      },
      close: () => this.#time.after(this.#delay(), () => finish(null)),
    });
    session = accepted;
    const close = (): void => {
      queue.clear();
      // The feed learns of it later, if at all.
      this.#time.after(this.#delay(), () => finish(null));
    };
    signal.addEventListener("abort", close, { once: true });
    return {
      send: (frame) => {
        if (isOpen)
          up(
            frame,
            (arriving) => accepted.receive(arriving),
            () => undefined,
          );
      },
      close,
      [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator](),
    };
  }

  /** One direction of a connection: frames arrive in order unless a fault says otherwise. */
  #lane(
    isOpen: () => boolean,
  ): (frame: Uint8Array, arrive: (frame: Uint8Array) => void, left: () => void) => void {
    let freeAtMs = 0;
    let lastMs = 0;
    return (frame, arrive, left) => {
      const nowMs = this.#time.nowMs;
      freeAtMs = Math.max(freeAtMs, nowMs) + frame.length / this.faults.bandwidth;
      const inOrderMs = Math.max(lastMs, freeAtMs + this.#delay());
      this.#time.after(freeAtMs - nowMs, left);
      if (this.#happens("drop")) return;
      for (const sent of this.#damaged(frame, FEED_MESSAGE_TYPES)) {
        const isLate = this.#happens("reorder");
        if (!isLate) lastMs = inOrderMs;
        const lateMs = isLate ? this.#random.below(400) : 0;
        this.#time.after(inOrderMs + lateMs - nowMs, () => {
          if (isOpen() && !this.isPartitioned) arrive(sent);
        });
      }
    };
  }

  /** What arrives of a frame: itself, or what faults make of it; twice perhaps. */
  #damaged(frame: Uint8Array, types: typeof FEED_MESSAGE_TYPES | null): readonly Uint8Array[] {
    let sent = frame;
    if (this.#happens("corrupt")) sent = this.#flipped(frame, 0, frame.length);
    else if (types !== null && this.#happens("forge")) sent = this.#forged(frame, types);
    else if (types !== null && this.#happens("attack")) sent = this.#attacked(frame, types);
    return this.#happens("duplicate") ? [sent, sent] : [sent];
  }

  #flipped(frame: Uint8Array, from: number, to: number): Uint8Array {
    const copy = frame.slice();
    if (to <= from) return copy;
    for (let bits = 1 + this.#random.below(3); bits > 0; bits--) {
      const at = from + this.#random.below(to - from);
      copy[at] = (copy[at] ?? 0) ^ (1 << this.#random.below(8));
    }
    return copy;
  }

  /** Other values in an update or a snapshot, with a checksum that fits. */
  #forged(frame: Uint8Array, types: typeof FEED_MESSAGE_TYPES): Uint8Array {
    const isUpdate = frame[0] === types.update;
    if (!isUpdate && frame[0] !== types.snapshot) return frame;
    // Behind versions, fingerprints and event time; of a snapshot its last 100 bytes.
    const end = frame.length - 4;
    const from = isUpdate ? Math.min(end, 52) : Math.max(40, end - 100);
    const forged = this.#flipped(frame, from, end);
    const start = isUpdate ? 1 : 2 + (frame[1] ?? 0);
    mendChecksum(forged, start);
    return forged;
  }

  #attacked(frame: Uint8Array, types: typeof FEED_MESSAGE_TYPES): Uint8Array {
    if (frame[0] === types.update) return frameUpdate(this.#attacker.update(frame.subarray(1)));
    if (frame[0] !== types.snapshot) return frame;
    const message = decodeFeedMessage(frame);
    if (message.kind !== "snapshot") return frame;
    return frameSnapshot(message.logId, this.#attacker.snapshot(message.bytes));
  }

  #attackedBody(path: string, { status, body }: HttpFeedAnswer): Uint8Array {
    if (status !== 200) return body;
    if (path.startsWith("anchors/")) return this.#attacker.snapshot(body);
    if (!path.startsWith("segments/")) return body;
    return segmentBody(updatesOf(body).map((bytes) => this.#attacker.update(bytes)));
  }

  /** Now and then the answer of a moment ago. */
  #cached(fresh: HttpFeedAnswer): HttpFeedAnswer {
    if (fresh.status === 200) this.#heads = [...this.#heads.slice(-2), fresh];
    if (this.faults.duplicate === 0 || this.#random.below(5) > 0) return fresh;
    return this.#heads[this.#random.below(this.#heads.length)] ?? fresh;
  }

  #delay(): number {
    return 1 + this.#random.below(this.faults.delayMs);
  }

  #happens(fault: Exclude<keyof LineFaults, "bandwidth" | "delayMs">): boolean {
    const chance = this.faults[fault];
    if (chance === 0 || this.#random.float() >= chance) return false;
    this.counts[fault] = (this.counts[fault] ?? 0) + 1;
    return true;
  }
}

/** Makes the last four bytes the CRC-32 of those from `start` on before them. */
export function mendChecksum(frame: Uint8Array, start: number): void {
  const end = frame.length - 4;
  if (end < start) return;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  view.setUint32(end, crc32(frame.subarray(start, end)), true);
}
