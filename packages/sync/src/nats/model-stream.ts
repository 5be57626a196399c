import {
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  type JetStreamClient,
  jetstreamManager,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/nats-core";

import { FEED_MESSAGE_BYTES_MAX } from "../protocol/message.ts";
import type { Timers } from "../timers.ts";
import { natsErrorOf } from "./nats-fault.ts";
import { ObjectReader } from "./object-reader.ts";
import { type NatsNames, natsNames } from "./nats-names.ts";
import { addressOf, connectTo, type NatsServer } from "./nats-server.ts";
import { type Following, followingOf, type StreamMessage, valueIn } from "./stream-message.ts";

/** Where a message belongs. */
export interface PlaceInStream {
  /** The place of the message before it. */
  readonly lastSequence: number;
  /** Who adds it. */
  readonly publisher: string;
}

/** How much the stream of a model keeps. */
export interface StreamBounds {
  /** Updates; older ones give way. */
  readonly messagesMax: number;
  /** Bytes of updates; older ones give way. */
  readonly bytesMax: number;
  /** Copies of stream and bucket in a cluster. */
  readonly copies: number;
}

/** Options of {@link ModelStream.open}. */
export interface ModelStreamOptions {
  readonly server: NatsServer;
  readonly model: string;
  /** Gives connecting up. */
  readonly signal: AbortSignal;
  readonly timers: Timers;
}

/** Messages that the server sends ahead of who reads them: at most so many payloads of 1 MiB. */
const AHEAD_MAX = 64;

/** After how long without a sign of life the server's side of a reader is looked after. */
const HEARTBEAT_MS = 5_000;

/** What is not there shows when it is used; asking before would need one more permission. */
const UNCHECKED = { checkAPI: false };

/** How long the server remembers a reader that has gone. */
const READER_KEPT_MS = 30_000;

/** Bytes of a message beside its payload: subject and headers. */
const MESSAGE_HEAD_BYTES = 1_024;

/** One model's stream and bucket on a NATS server, over one connection. */
export class ModelStream {
  readonly names: NatsNames;
  /** Server and model, for messages. */
  readonly address: string;
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #objects: ObjectReader;
  readonly #lost: Promise<never>;
  #hasMessages = false;

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    address: string,
    names: NatsNames,
    timers: Timers,
  ) {
    this.#connection = connection;
    this.#client = jetstream(connection, UNCHECKED);
    this.#manager = manager;
    this.address = address;
    this.names = names;
    this.#objects = new ObjectReader({
      streams: this,
      bucket: names.bucket,
      timers,
      bytesMax: FEED_MESSAGE_BYTES_MAX,
    });
    this.#lost = connection.closed().then((error) => {
      throw natsErrorOf(error ?? new Error("connection closed"), address, "unreachable");
    });
    this.#lost.catch(() => undefined);
  }

  /**
   * Connects.
   * @throws NatsError when no server is there, or it refuses; the signal's reason when aborted
   */
  static async open({ server, model, signal, timers }: ModelStreamOptions): Promise<ModelStream> {
    const address = `${addressOf(server.servers)}/${model}`;
    signal.throwIfAborted();
    const connecting = connectTo(server);
    try {
      const connection = await unlessAborted(connecting, signal);
      const manager = await jetstreamManager(connection, UNCHECKED);
      return new ModelStream(connection, manager, address, natsNames(model), timers);
    } catch (error) {
      // What comes too late is closed.
      connecting.then(
        (connection) => connection.close(),
        () => undefined,
      );
      signal.throwIfAborted();
      throw natsErrorOf(error, address, "unreachable");
    }
  }

  /** Rejects with NatsError when the connection is gone, by `close` too. */
  get lost(): Promise<never> {
    return this.#lost;
  }

  /** Longest payload that the server takes, in bytes. */
  get payloadBytesMax(): number {
    return (this.#connection.info?.max_payload ?? 0) - MESSAGE_HEAD_BYTES;
  }

  /** Makes the stream where it is not there; what is there is taken as it is. */
  async create({ messagesMax, bytesMax, copies }: StreamBounds): Promise<void> {
    if ((await this.lastSequence()) !== null) return;
    await this.#asking(() =>
      this.#manager.streams.add({
        name: this.names.stream,
        subjects: [this.names.head, this.names.everyUpdate],
        max_msgs_per_subject: 1,
        max_msgs: messagesMax,
        max_bytes: bytesMax,
        num_replicas: copies,
        discard: DiscardPolicy.Old,
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
      }),
    );
  }

  /** Where the stream is; null when there is no stream. */
  lastSequence(): Promise<number | null> {
    return this.#unlessMissing(async () => {
      const { state } = await this.#manager.streams.info(this.names.stream);
      this.#hasMessages = state.last_seq > 0;
      return state.last_seq;
    });
  }

  /** The newest message of a subject, which may have wildcards; null when there is none. */
  async newest(subject: string): Promise<StreamMessage | null> {
    // nats-server 2.9.10 dies of a request for a message while the stream is being made.
    if (!this.#hasMessages && ((await this.lastSequence()) ?? 0) === 0) return null;
    return this.newestOf(this.names.stream, subject);
  }

  /** As {@link newest}, of another stream that is known to be there. */
  newestOf(stream: string, subject: string): Promise<StreamMessage | null> {
    return this.#unlessMissing(async () => {
      const found = await this.#manager.streams.getMessage(stream, { last_by_subj: subject });
      if (found === null) return null;
      const { seq: sequence, data, header } = found;
      return { subject: found.subject, sequence, data, header: valueIn(header) };
    });
  }

  /** All messages from a place in the stream on. */
  follow(fromSequence: number): Promise<Following> {
    return this.followIn(this.names.stream, fromSequence);
  }

  /** As {@link follow}, of another stream, and of one subject only where that is given. */
  async followIn(stream: string, fromSequence: number, subject?: string): Promise<Following> {
    const messages = await this.#asking(async () => {
      const reader = await this.#client.consumers.get(stream, {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: fromSequence,
        inactive_threshold: READER_KEPT_MS,
        ...(subject === undefined ? {} : { filter_subjects: subject }),
      });
      return reader.consume({ max_messages: AHEAD_MAX, idle_heartbeat: HEARTBEAT_MS });
    });
    return followingOf(messages);
  }

  /** The object of that name in the model's bucket; null when it is not there, or not whole. */
  object(name: string): Promise<Uint8Array | null> {
    return this.#asking(() => this.#objects.read(name));
  }

  /** What `task` does with the library; rejects with NatsError, and when the connection is gone. */
  using<T>(task: (client: JetStreamClient) => Promise<T>): Promise<T> {
    return this.#asking(() => task(this.#client));
  }

  /**
   * Adds a message, if the stream is where the place says; resolves with the message's own.
   * @throws NatsError when the stream is elsewhere, and for everything else
   */
  async publish(
    subject: string,
    data: Uint8Array,
    { lastSequence, publisher }: PlaceInStream,
    values: Readonly<Record<string, string>>,
  ): Promise<number> {
    const head = headers();
    for (const [name, value] of Object.entries(values)) head.set(name, value);
    const { seq } = await this.#asking(() =>
      this.#client.publish(subject, data, {
        headers: head,
        expect: { lastSequence },
        // What is sent twice, its acknowledgement being lost, is there once. Another publisher's
        // message at this place is another one.
        msgID: `${publisher}.${lastSequence}`,
      }),
    );
    return seq;
  }

  /** Removes all messages of a subject, which may have wildcards. */
  async purge(subject: string): Promise<void> {
    await this.#asking(() => this.#manager.streams.purge(this.names.stream, { filter: subject }));
  }

  /** Says something to whoever listens now; not stored. Resolves when the server has it. */
  async say(subject: string, data: Uint8Array): Promise<void> {
    await this.#asking(() => {
      this.#connection.publish(subject, data);
      return this.#connection.flush();
    });
  }

  /** Hears what others say on a subject, until the connection is gone. */
  hear(subject: string, listener: (data: Uint8Array) => void): void {
    this.#connection.subscribe(subject, {
      // Without the permission nobody is heard; all else works.
      callback: (error, message) => {
        if (error === null) listener(message.data);
      },
    });
  }

  /** Closes the connection. May be called more than once. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** What `ask` gives; rejects as soon as the connection is gone. */
  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await Promise.race([ask(), this.#lost]);
    } catch (error) {
      throw natsErrorOf(error, this.address);
    }
  }

  async #unlessMissing<T>(ask: () => Promise<T | null>): Promise<T | null> {
    try {
      return await this.#asking(ask);
    } catch (error) {
      const { cause } = error as Error;
      const isMissing =
        cause instanceof JetStreamApiError && cause.code === JetStreamApiCodes.StreamNotFound;
      if (isMissing) return null;
      throw error;
    }
  }
}

async function unlessAborted<T>(opening: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([opening, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
