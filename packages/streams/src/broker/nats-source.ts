import type { Inbox, InboxItem } from "../inbox/inbox.ts";
import { openInbox } from "../inbox/open-inbox.ts";
import {
  type BrokerOptions,
  type BrokerSession,
  type BrokerSource,
  brokerSource,
  takeWithRoom,
} from "./broker-source.ts";
import { MessageQueue } from "./message-queue.ts";
import type { NatsStreamOptions } from "./nats-connection.ts";
import { type NatsMessage, NatsReader } from "./nats-reader.ts";

/** Options of {@link natsSource}. */
export type NatsSourceOptions = BrokerOptions & NatsStreamOptions;

/** Messages that wait to be stored. */
const QUEUED_MAX = 1_000;

/** Messages that are stored at a time. */
const ROWS_PER_TAKE = 500;

/** How far a stream was read. */
interface NatsCursor {
  /** When the stream was made: another one has other messages at the same places. */
  readonly created: string;
  /** Of the last message that was stored. */
  readonly sequence: number;
}

/**
 * Messages of a NATS JetStream stream as samples, each one JSON object as the schema says: in the order
 * of the stream, each once, whatever is delivered how often. A message with the header `Everfresh-Kind:
 * label` has the id and the label of a sample that came before or will come. Messages without an id have
 * their place in the stream as one, and those without a time are dated by the server.
 *
 * Where reading goes on is stored here, with the samples; a durable consumer on the server tells it what
 * is done with. It is called after the inbox, so that two runs do not share the messages of one.
 * @throws BrokerError when the stream is not there, or does not have what comes next any more
 * @throws InboxUnreadableError, InboxVersionError, TableSchemaError
 */
export async function natsSource(options: NatsSourceOptions): Promise<BrokerSource> {
  const inbox = await openInbox(options);
  const session: BrokerSession = (signal, isWell, from) =>
    feed(inbox, options, { signal, isWell, from });
  try {
    const reader = await NatsReader.open(options, consumerOf(inbox));
    try {
      startOf(inbox, reader, options, 0);
    } finally {
      await reader.close();
    }
  } catch (error) {
    await inbox[Symbol.asyncDispose]();
    throw error;
  }
  return brokerSource(inbox, session, options);
}

async function feed(
  inbox: Inbox,
  options: NatsSourceOptions,
  feeding: {
    readonly signal: AbortSignal;
    readonly isWell: () => void;
    readonly from: number;
  },
): Promise<void> {
  const { signal, isWell, from } = feeding;
  const reader = await NatsReader.open(options, consumerOf(inbox));
  const queue = new MessageQueue<NatsMessage>(QUEUED_MAX);
  const stop = (): void => {
    queue.end();
    void reader.close();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) return;
    let { sequence } = startOf(inbox, reader, options, from);
    const receiving = receive(reader, sequence, queue);
    receiving.catch(() => undefined);
    isWell();
    for (;;) {
      const messages = await queue.take(ROWS_PER_TAKE);
      if (messages.length === 0) break;
      // What is delivered again has been stored, or is in the queue before.
      const fresh = messages.filter((message) => message.sequence > sequence);
      const last = fresh.at(-1);
      if (last !== undefined) {
        const cursor: NatsCursor = { created: reader.created, sequence: last.sequence };
        const items = fresh.map((message) => itemOf(options, message));
        const taken = await takeWithRoom(inbox, items, JSON.stringify(cursor), signal);
        if (taken === null) return;
        ({ sequence } = last);
      }
      for (const message of messages) message.ack();
      isWell();
    }
    await receiving;
  } finally {
    signal.removeEventListener("abort", stop);
    queue.end();
    await reader.close();
  }
}

/** Reads until the connection is lost or closed. */
async function receive(
  reader: NatsReader,
  after: number,
  queue: MessageQueue<NatsMessage>,
): Promise<void> {
  try {
    for await (const message of reader.messages(after)) await queue.push(message);
  } finally {
    queue.end();
  }
}

/** The place behind which to read on. @throws BrokerError for messages that are not there any more */
function startOf(
  inbox: Inbox,
  reader: NatsReader,
  { missing }: NatsSourceOptions,
  from: number,
): NatsCursor {
  const stored = inbox.cursor();
  const { created, first, last } = reader;
  if (stored === null) {
    // Only a whole stream has the same samples at the same positions again.
    if (from === 0 || first <= 1) return { created, sequence: 0 };
    throw reader.gap(`the history goes on from sample ${from}, and the stream has lost its first`);
  }
  const cursor = JSON.parse(stored) as NatsCursor;
  const isAnother = cursor.created !== created || last < cursor.sequence;
  if (!isAnother && first <= cursor.sequence + 1) return cursor;
  if (missing !== "skip") {
    throw reader.gap(
      isAnother
        ? `it is not the stream that was read up to message ${cursor.sequence}`
        : `messages ${cursor.sequence + 1} to ${first - 1} have not been read and are gone`,
    );
  }
  return isAnother ? { created, sequence: 0 } : cursor;
}

function consumerOf({ id }: Inbox): string {
  return `everfresh-${id}`;
}

function itemOf({ name, stream }: NatsSourceOptions, message: NatsMessage): InboxItem {
  const { sequence, data, kind, timeMs } = message;
  return {
    kind: kind === "label" ? "label" : "sample",
    row: data,
    origin: `${stream} ${sequence}`,
    id: `${name}-${sequence}`,
    eventTimeMs: timeMs,
  };
}
