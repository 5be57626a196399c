import kafkajs, {
  type Admin,
  type Kafka as KafkaClient,
  type KafkaJSError as LibraryError,
  type KafkaMessage,
  type SASLOptions,
} from "kafkajs";
import { BrokerError, type BrokerFault } from "../errors.ts";

// A CommonJS package, of whose names Node finds some only.
const { Kafka, KafkaJSError, KafkaJSProtocolError, KafkaJSSASLAuthenticationError, logLevel } =
  kafkajs;

/** Which topic of which Kafka cluster. */
export interface KafkaTopicOptions {
  /** Some brokers of the cluster, as `host:port`; they know the others. */
  readonly brokers: readonly string[];
  /** The topic, which has to be there. */
  readonly topic: string;
  /**
   * The group that messages are read as; nobody else may be in it. @default one of the inbox alone
   */
  readonly group?: string;
  /** Whether connections are encrypted. @default false */
  readonly ssl?: boolean;
  /** Who asks. @default nobody */
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
}

/** Messages of one partition, in their order. */
export interface KafkaMessages {
  readonly partition: number;
  readonly messages: readonly KafkaMessage[];
}

/** What a partition has: offsets of its first message, and of the next that will come. */
export interface PartitionRange {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

/** How long a broker may take to answer a new connection. Milliseconds: a bad network. */
const CONNECT_MS_MAX = 8_000;

/** Attempts that the library makes by itself: whoever reads tries again. */
const RETRIES = 2;

/** After how long without a sign of life the cluster gives a reader up, in milliseconds. */
const SESSION_MS = 10_000;

/** How long the cluster may wait for messages before it answers, in milliseconds. */
const FETCH_MS_MAX = 500;

/** Time between two signs of life while messages wait to be stored, in milliseconds. */
const HEARTBEAT_MS = 3_000;

/** Bytes of messages that are fetched at once. */
const FETCH_BYTES_MAX = 4 * 2 ** 20;

/** A topic of a Kafka cluster. */
export class KafkaReader {
  /** Cluster and topic, for messages. */
  readonly address: string;
  readonly #kafka: KafkaClient;
  readonly #topic: string;

  constructor({ brokers, topic, ssl = false, sasl }: KafkaTopicOptions) {
    this.address = `kafka://${brokers.join(",")}/${topic}`;
    this.#topic = topic;
    this.#kafka = new Kafka({
      clientId: "everfresh",
      brokers: [...brokers],
      ssl,
      ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
      connectionTimeout: CONNECT_MS_MAX,
      retry: { retries: RETRIES },
      logLevel: logLevel.NOTHING,
    });
  }

  /** What every partition has. @throws BrokerError */
  async ranges(): Promise<readonly PartitionRange[]> {
    const admin: Admin = this.#kafka.admin();
    try {
      await admin.connect();
      const offsets = await admin.fetchTopicOffsets(this.#topic);
      return offsets
        .map(({ partition, low, high }) => ({
          partition,
          low: Number(low),
          high: Number(high),
        }))
        .toSorted((a, b) => a.partition - b.partition);
    } catch (error) {
      throw this.#errorOf(error);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  /**
   * Hands over messages from the given offsets on until the signal is aborted, one partition at a time.
   * @throws BrokerError when the cluster is lost, and what `take` throws
   */
  async follow(
    group: string,
    from: ReadonlyMap<number, number>,
    signal: AbortSignal,
    take: (messages: KafkaMessages) => Promise<void>,
  ): Promise<void> {
    const consumer = this.#kafka.consumer({
      groupId: group,
      sessionTimeout: SESSION_MS,
      maxBytes: FETCH_BYTES_MAX,
      maxWaitTimeInMs: FETCH_MS_MAX,
      retry: { retries: RETRIES, restartOnFailure: () => Promise.resolve(false) },
    });
    const ended: PromiseWithResolvers<void> = Promise.withResolvers();
    ended.promise.catch(() => undefined);
    const sought: PromiseWithResolvers<void> = Promise.withResolvers();
    const abort = (): void => ended.resolve();
    consumer.on(consumer.events.CRASH, ({ payload }) => ended.reject(payload.error));
    signal.addEventListener("abort", abort, { once: true });
    try {
      await consumer.connect();
      await consumer.subscribe({ topic: this.#topic, fromBeginning: true });
      await consumer.run({
        eachBatchAutoResolve: false,
        eachBatch: async (given) => {
          const { batch } = given;
          // What the group has committed does not matter: where to read on is known here.
          await sought.promise;
          if (given.isStale() || signal.aborted) return;
          const beat = setInterval(
            () => void given.heartbeat().catch(() => undefined),
            HEARTBEAT_MS,
          );
          try {
            const { partition, messages } = batch;
            await take({ partition, messages });
            given.resolveOffset(batch.lastOffset());
          } catch (error) {
            ended.reject(error);
          } finally {
            clearInterval(beat);
          }
        },
      });
      for (const [partition, offset] of from) {
        consumer.seek({ topic: this.#topic, partition, offset: String(offset) });
      }
      sought.resolve();
      if (signal.aborted) return;
      await ended.promise;
    } catch (error) {
      throw this.#errorOf(error);
    } finally {
      signal.removeEventListener("abort", abort);
      sought.resolve();
      await consumer.disconnect().catch(() => undefined);
    }
  }

  #errorOf(error: unknown): unknown {
    // Errors of others, such as of the inbox, are what they are.
    if (!(error instanceof KafkaJSError)) return error;
    return new BrokerError(this.address, faultOf(error), error.message, error);
  }
}

/** Protocol errors (Kafka's `Errors`) that say who asks may not. */
const REFUSALS = new Set([
  "TOPIC_AUTHORIZATION_FAILED",
  "GROUP_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
]);

function faultOf(error: LibraryError): BrokerFault {
  const { cause } = error as { readonly cause?: unknown };
  if (cause instanceof KafkaJSError) return faultOf(cause);
  if (error instanceof KafkaJSSASLAuthenticationError) return "unauthorized";
  if (!(error instanceof KafkaJSProtocolError)) return "unreachable";
  if (error.type === "UNKNOWN_TOPIC_OR_PARTITION") return "missing";
  if (REFUSALS.has(error.type)) return "unauthorized";
  return error.retriable ? "unreachable" : "failed";
}
