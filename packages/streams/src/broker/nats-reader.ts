import {
  AckPolicy,
  type Consumer,
  type ConsumerInfo,
  type ConsumerMessages,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  type JetStreamManager,
  RetentionPolicy,
  type StreamInfo,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { BrokerError } from "../errors.ts";
import { KIND_HEADER } from "./message-kind.ts";
import {
  addressOf,
  brokerErrorOf,
  connectTo,
  type NatsStreamOptions,
  unlessClosed,
} from "./nats-connection.ts";

/** One message of a stream. */
export interface NatsMessage {
  /** Its place in the stream, from 1. */
  readonly sequence: number;
  readonly data: Uint8Array;
  /** What its header says that it is. */
  readonly kind: string | null;
  /** When the server stored it, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** Says that it is stored. */
  ack(): void;
}

/** Messages that the server sends ahead of who reads them. */
const AHEAD_MAX = 500;

/** After how long without a sign of life the server's side of a reader is looked after. */
const HEARTBEAT_MS = 5_000;

/** How long messages may wait to be stored before the server sends them again, in nanoseconds. */
const ACK_WAIT_NS = 300e9;

/** A stream of a NATS server, over one connection, with a durable consumer. */
export class NatsReader {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #options: NatsStreamOptions;
  readonly #info: StreamInfo;
  readonly #consumer: string;
  #messages: ConsumerMessages | null = null;
  #closing: Promise<void> | null = null;

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    options: NatsStreamOptions,
    info: StreamInfo,
    consumer: string,
  ) {
    this.#connection = connection;
    this.#manager = manager;
    this.#options = options;
    this.#info = info;
    this.#consumer = consumer;
  }

  /**
   * Connects, and looks at the stream.
   * @throws BrokerError when no server or stream is there, or it refuses
   */
  static async open(options: NatsStreamOptions, consumer: string): Promise<NatsReader> {
    let connection: NatsConnection | null = null;
    try {
      connection = await connectTo(options);
      const manager = await jetstreamManager(connection, { checkAPI: false });
      const info = await unlessClosed(connection, manager.streams.info(options.stream));
      return new NatsReader(connection, manager, options, info, consumer);
    } catch (error) {
      await connection?.close();
      throw brokerErrorOf(options, error);
    }
  }

  /** When the stream was made. */
  get created(): string {
    return this.#info.created;
  }

  /** Places of the oldest and of the newest message that the stream has. */
  get first(): number {
    return this.#info.state.first_seq;
  }

  get last(): number {
    return this.#info.state.last_seq;
  }

  /** The error for messages that are not there any more. */
  gap(reason: string): BrokerError {
    return new BrokerError(addressOf(this.#options), "gap", reason);
  }

  /**
   * The messages behind a place, in their order; some may come again.
   * @throws BrokerError when the connection is lost
   */
  async *messages(after: number): AsyncGenerator<NatsMessage, void, undefined> {
    try {
      this.#messages = await unlessClosed(this.#connection, this.#consume(after));
      for await (const message of this.#messages) {
        const { seq: sequence, data, headers, time } = message;
        const kind = headers?.has(KIND_HEADER) === true ? headers.get(KIND_HEADER) : null;
        yield { sequence, data, kind, timeMs: time.getTime(), ack: () => message.ack() };
      }
    } catch (error) {
      throw brokerErrorOf(this.#options, error);
    }
    const reason = "the connection was lost";
    throw new BrokerError(addressOf(this.#options), "unreachable", reason);
  }

  /** Closes the connection; may be called more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#messages?.stop();
    const isLost = this.#connection.isClosed();
    // What was acknowledged is to reach the server.
    if (!isLost) await unlessClosed(this.#connection, this.#connection.flush()).catch(() => null);
    await this.#connection.close();
  }

  async #consume(after: number): Promise<ConsumerMessages> {
    const consumer = await this.#consumerBehind(after);
    return consumer.consume({
      max_messages: AHEAD_MAX,
      idle_heartbeat: HEARTBEAT_MS,
      abort_on_missing_resource: true,
    });
  }

  /**
   * A consumer that begins behind a place. One that has delivered what was not stored is of no use: it
   * would send what is new before it sends that again. The new one is made before the old one goes, as
   * a stream may keep messages only while a consumer wants them; it has another of two names.
   */
  async #consumerBehind(after: number): Promise<Consumer> {
    const { stream, subject } = this.#options;
    const names = [`${this.#consumer}-a`, `${this.#consumer}-b`] as const;
    const found = await Promise.all(names.map((name) => this.#consumerInfo(name)));
    const there = found.find((info) => info !== null) ?? null;
    const isAlone = found.includes(null);
    if (there === null || !isAlone || !isAt(there, after, subject)) {
      const isQueue = this.#info.config.retention === RetentionPolicy.Workqueue;
      // A work queue takes one consumer only, and only one that wants everything it has.
      const old = isQueue || !isAlone ? found : [];
      for (const info of old) await this.#remove(info);
      const next = found[0] === null || old.length > 0 ? names[0] : names[1];
      await this.#manager.consumers.add(stream, {
        durable_name: next,
        ack_policy: AckPolicy.Explicit,
        ack_wait: ACK_WAIT_NS,
        max_ack_pending: 10 * AHEAD_MAX,
        ...(isQueue
          ? { deliver_policy: DeliverPolicy.All }
          : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }),
        ...(subject === undefined ? {} : { filter_subject: subject }),
      });
      if (old.length === 0) await this.#remove(there);
      return jetstream(this.#connection).consumers.get(stream, next);
    }
    return jetstream(this.#connection).consumers.get(stream, there.name);
  }

  async #consumerInfo(name: string): Promise<ConsumerInfo | null> {
    try {
      return await this.#manager.consumers.info(this.#options.stream, name);
    } catch (error) {
      const { code } = error instanceof JetStreamApiError ? error : { code: 0 };
      if (code === JetStreamApiCodes.ConsumerNotFound) return null;
      throw error;
    }
  }

  async #remove(info: ConsumerInfo | null): Promise<void> {
    if (info !== null) await this.#manager.consumers.delete(this.#options.stream, info.name);
  }
}

function isAt(info: ConsumerInfo, after: number, subject: string | undefined): boolean {
  const isDone = info.num_ack_pending === 0 && info.delivered.stream_seq <= after;
  const begins = info.config.opt_start_seq ?? 1;
  return isDone && begins <= after + 1 && info.config.filter_subject === subject;
}
