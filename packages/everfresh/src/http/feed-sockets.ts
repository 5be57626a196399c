import type { Duplex } from "node:stream";
import type { FeedConnection, FeedSession } from "@everfresh/sync";
import type { WebSocket } from "@fastify/websocket";
import { webSocketFrame } from "./web-socket-frame.ts";

/** Well below the idle limits of common proxies (60 s). */
const SILENCE_MS = 20_000;

/** Sockets are looked at in so many groups in turn: thousands of pings at once would hold up updates. */
const GROUPS = 20;

/** Replicas send binary frames only (RFC 6455 section 7.4.1: a type of data that is not accepted). */
const CLOSE_BINARY_ONLY = 1003;

/**
 * The WebSockets of one feed. What goes to thousands of them is made once: a frame of the feed is
 * framed for the wire when the first one gets it, and one timer looks after all of them.
 */
export class FeedSockets implements Disposable {
  readonly #framed = new WeakMap<Uint8Array, Buffer>();
  readonly #groups: readonly Set<FeedSocket>[] = Array.from({ length: GROUPS }, () => new Set());
  #joined = 0;
  #turn = 0;
  #timer: NodeJS.Timeout | null = null;

  /**
   * Ties a socket to the feed until either side closes it.
   * @param stream what carries the socket's frames
   * @param connect adds a connection to the feed
   */
  join(
    socket: WebSocket,
    stream: Duplex,
    connect: (connection: FeedConnection) => FeedSession,
  ): void {
    const member = new FeedSocket(socket, stream, (frame) => this.#wireFrame(frame));
    const session = connect(member);
    const group = this.#groups[this.#joined++ % GROUPS];
    group?.add(member);
    this.#timer ??= setInterval(() => this.#look(), SILENCE_MS / GROUPS).unref();
    socket.on("pong", () => member.heard());
    socket.on("message", (data, isBinary) => {
      member.heard();
      if (isBinary && data instanceof Buffer) session.receive(data);
      else socket.close(CLOSE_BINARY_ONLY, "binary frames only");
    });
    socket.on("close", () => {
      group?.delete(member);
      session.closed();
    });
    socket.on("error", () => socket.terminate());
  }

  /** Looks after nobody any more; the sockets stay as they are. */
  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Pings those of the next group that were silent, ends those that were already then. */
  #look(): void {
    const group = this.#groups[this.#turn++ % GROUPS] ?? [];
    for (const member of [...group]) member.look();
  }

  #wireFrame(frame: Uint8Array): Buffer {
    const known = this.#framed.get(frame);
    if (known !== undefined) return known;
    const framed = webSocketFrame(frame);
    this.#framed.set(frame, framed);
    return framed;
  }
}

/** One replica's socket. */
class FeedSocket implements FeedConnection {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #wireFrame: (frame: Uint8Array) => Buffer;
  #isSilent = false;

  constructor(socket: WebSocket, stream: Duplex, wireFrame: (frame: Uint8Array) => Buffer) {
    this.#socket = socket;
    this.#stream = stream;
    this.#wireFrame = wireFrame;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Past the socket's own framing, which copies and writes every frame in two parts. */
  send(frame: Uint8Array): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#stream.write(this.#wireFrame(frame));
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Something came in. */
  heard(): void {
    this.#isSilent = false;
  }

  /** Some time has passed. */
  look(): void {
    if (this.#isSilent) {
      this.#socket.terminate();
      return;
    }
    this.#isSilent = true;
    this.#socket.ping();
  }
}
