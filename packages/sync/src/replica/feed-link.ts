import type { Connection, Transport } from "../transport/transport.ts";

/** One connection or the attempt to make it; `connection` is there once it is open. */
interface Attempt {
  readonly abort: AbortController;
  connection: Connection | null;
}

/** Options of {@link FeedLink}. */
export interface FeedLinkOptions {
  readonly transport: Transport;
  /** Lets a task happen after those before it. */
  readonly enqueue: (task: () => Promise<void>) => Promise<void>;
  readonly onOpened: () => Promise<void>;
  readonly onFrame: (frame: Uint8Array) => Promise<void>;
  /** @param error why, as far as that is known */
  readonly onLost: (error: unknown) => Promise<void>;
}

/** A replica's line to its feed: one connection at a time; of one that was given up nothing is heard. */
export class FeedLink {
  readonly #options: FeedLinkOptions;
  #current: Attempt | null = null;

  constructor(options: FeedLinkOptions) {
    this.#options = options;
  }

  /** Begins to connect. */
  open(): void {
    const attempt: Attempt = { abort: new AbortController(), connection: null };
    this.#current = attempt;
    void this.#follow(attempt);
  }

  /** Gives up the connection, or the attempt. */
  close(): void {
    this.#current?.abort.abort();
    this.#current?.connection?.close();
    this.#current = null;
  }

  /** Sends a frame, where there is a connection. */
  send(frame: Uint8Array): void {
    this.#current?.connection?.send(frame);
  }

  /** Reads one connection to its end; never throws. */
  async #follow(attempt: Attempt): Promise<void> {
    const { transport, onOpened, onFrame, onLost } = this.#options;
    let reason: unknown = undefined;
    try {
      attempt.connection = await transport.open(attempt.abort.signal);
      await this.#inTurn(attempt, onOpened);
      for await (const frame of attempt.connection) {
        if (this.#current !== attempt) break;
        await this.#inTurn(attempt, () => onFrame(frame));
      }
    } catch (error) {
      reason = error;
    }
    await this.#inTurn(attempt, () => {
      this.#current = null;
      return onLost(reason);
    });
  }

  /** Does it in its turn, unless the connection was given up by then. */
  #inTurn(attempt: Attempt, task: () => Promise<void>): Promise<void> {
    return this.#options.enqueue(async () => {
      if (this.#current === attempt) await task();
    });
  }
}
