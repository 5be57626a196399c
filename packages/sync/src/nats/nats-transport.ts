import { systemTimers, type Timers } from "../timers.ts";
import type { Connection, Transport } from "../transport/transport.ts";
import { ModelStream } from "./model-stream.ts";
import { addressOf, type NatsServer } from "./nats-server.ts";
import { StreamConnection } from "./stream-connection.ts";
import { SuspectUpdates } from "./suspect-updates.ts";

/** Options of {@link natsTransport}. */
export interface NatsTransportOptions extends NatsServer {
  /** Name of the model. */
  readonly model: string;
  /** @default the runtime's own */
  readonly timers?: Timers;
  /** Time between two looks at whether the stream is still there. @default 5,000 ms */
  readonly beatMs?: number;
  /**
   * Bytes of updates that wait in memory while the replica is busy; the rest stays on the server.
   * @default 1 MiB
   */
  readonly waitingBytesMax?: number;
}

/** Well below the 15 s of silence after which a replica gives a connection up. */
const BEAT_MS = 5_000;

/** Thousands of updates: a replica that far behind is not held up by reading more. */
const WAITING_BYTES_MAX = 2 ** 20;

/**
 * Follows a model over a NATS server with JetStream: joins by an anchor and the updates behind it,
 * or by updates alone, whichever is fewer bytes, and then gets each update as it is published.
 * Needs no trainer that runs. WebSockets unless `connect` says otherwise.
 * @example
 * const transport = natsTransport({ servers: "wss://nats.example.org", model: "digits" });
 */
export function natsTransport(options: NatsTransportOptions): Transport {
  const { model, timers = systemTimers, beatMs = BEAT_MS } = options;
  const { waitingBytesMax = WAITING_BYTES_MAX } = options;
  const address = `${addressOf(options.servers)}/${model}`;
  const suspects = new SuspectUpdates();
  return {
    address,
    async open(signal): Promise<Connection> {
      const stream = await ModelStream.open({ server: options, model, signal, timers });
      const connection = new StreamConnection({
        stream,
        timers,
        beatMs,
        waitingBytesMax,
        suspects,
      });
      signal.addEventListener("abort", () => connection.close(), { once: true });
      try {
        await connection.start();
      } catch (error) {
        connection.close();
        signal.throwIfAborted();
        throw error;
      }
      return connection;
    },
  };
}
