import { TransportError } from "../errors.ts";
import type { FeedConnection, FeedSession } from "../feed/feed-connection.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { Connection, Transport } from "./transport.ts";

/** What happens to frames on their way: returns those that arrive now, in this order. */
export interface MemoryFaults {
  toReplica(frame: Uint8Array): readonly Uint8Array[];
  toFeed(frame: Uint8Array): readonly Uint8Array[];
}

/** Options of {@link MemoryTransport}. */
export interface MemoryTransportOptions {
  /** The feed's end: takes over a new connection. */
  readonly accept: (connection: FeedConnection) => FeedSession;
  /** @default every frame arrives as it is */
  readonly faults?: MemoryFaults;
  /** @default "memory:" */
  readonly address?: string;
}

const NO_FAULTS: MemoryFaults = { toReplica: (frame) => [frame], toFeed: (frame) => [frame] };

/**
 * Connects replicas to a feed in the same process: for tests and for embedding both in one
 * program.
 */
export class MemoryTransport implements Transport {
  readonly address: string;
  /** Whether new connections can be opened. */
  reachable = true;
  readonly #accept: (connection: FeedConnection) => FeedSession;
  readonly #faults: MemoryFaults;
  readonly #breaks = new Set<() => void>();

  constructor(options: MemoryTransportOptions) {
    this.address = options.address ?? "memory:";
    this.#accept = options.accept;
    this.#faults = options.faults ?? NO_FAULTS;
  }

  /** Breaks every open connection, on both sides. */
  breakConnections(): void {
    for (const breakOne of [...this.#breaks]) breakOne();
  }

  async open(signal: AbortSignal): Promise<Connection> {
    // As over a network, nothing is open before the caller has gone on.
    await Promise.resolve();
    signal.throwIfAborted();
    if (!this.reachable) throw new TransportError(this.address, "nobody listens");
    const queue = new FrameQueue(Infinity);
    // A feed may close the connection before it has handed out the session.
    let session: FeedSession | null = null;
    const finish = (error: Error | null): void => {
      this.#breaks.delete(breakOne);
      queue.end(error);
      session?.closed();
    };
    const breakOne = (): void => finish(new TransportError(this.address, "connection broke"));
    const faults = this.#faults;
    this.#breaks.add(breakOne);
    const accepted = this.#accept({
      send: (frame) => {
        for (const arriving of faults.toReplica(frame)) queue.push(arriving);
      },
      get bufferedBytes() {
        return queue.bufferedBytes;
      },
      close: () => finish(null),
    });
    session = accepted;
    const close = (): void => {
      queue.clear();
      finish(null);
    };
    signal.addEventListener("abort", close, { once: true });
    let closed = false;
    return {
      send: (frame) => {
        if (closed || !this.#breaks.has(breakOne)) return;
        for (const arriving of faults.toFeed(frame)) accepted.receive(arriving);
      },
      close: () => {
        closed = true;
        close();
      },
      [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator](),
    };
  }
}
