import type { KafkaMessage } from "kafkajs";
import { BrokerError } from "../errors.ts";
import type { Inbox, InboxItem } from "../inbox/inbox.ts";
import { openInbox } from "../inbox/open-inbox.ts";
import {
  type BrokerOptions,
  type BrokerSession,
  type BrokerSource,
  brokerSource,
  takeWithRoom,
} from "./broker-source.ts";
import { KafkaReader, type KafkaTopicOptions, type PartitionRange } from "./kafka-reader.ts";
import { KIND_HEADER } from "./message-kind.ts";

/** Options of {@link kafkaSource}. */
export type KafkaSourceOptions = BrokerOptions & KafkaTopicOptions;

/** Messages that are stored at a time. */
const ROWS_PER_TAKE = 500;

/** Offsets of the messages with which reading goes on, by partition. */
type KafkaCursor = Readonly<Record<string, number>>;

/**
 * Messages of a Kafka topic as samples, each one JSON object as the schema says; each once, whatever is
 * delivered how often. Within a partition they come in its order. Between partitions the order is that in
 * which they were fetched first: it is stored with the samples, each with partition and offset, and does
 * not change again; another inbox over the same topic may have another one. A message with the header
 * `Everfresh-Kind: label` has the id and the label of a sample that came before or will come. Messages
 * without an id have partition and offset as one, and those without a time that of the message.
 *
 * Where reading goes on is stored here, with the samples; what the group commits is for people to see.
 * @throws BrokerError when the topic is not there, or does not have what comes next any more
 * @throws InboxUnreadableError, InboxVersionError, TableSchemaError
 */
export async function kafkaSource(options: KafkaSourceOptions): Promise<BrokerSource> {
  const reader = new KafkaReader(options);
  const inbox = await openInbox(options);
  try {
    startOf(inbox, options, await reader.ranges(), 0, reader.address);
  } catch (error) {
    await inbox[Symbol.asyncDispose]();
    throw error;
  }
  const session: BrokerSession = async (signal, isWell, from) => {
    const next = startOf(inbox, options, await reader.ranges(), from, reader.address);
    if (signal.aborted) return;
    const { group = `everfresh-${inbox.id}` } = options;
    await reader.follow(group, next, signal, async ({ partition, messages }) => {
      isWell();
      const fresh = messages.filter(({ offset }) => Number(offset) >= (next.get(partition) ?? 0));
      for (let at = 0; at < fresh.length; at += ROWS_PER_TAKE) {
        const part = fresh.slice(at, at + ROWS_PER_TAKE);
        const after = 1 + Number(part.at(-1)?.offset ?? -1);
        const cursor: KafkaCursor = { ...Object.fromEntries(next), [partition]: after };
        const items = part.map((message) => itemOf(options, partition, message));
        const taken = await takeWithRoom(inbox, items, JSON.stringify(cursor), signal);
        if (taken === null) return;
        next.set(partition, after);
      }
    });
  };
  return brokerSource(inbox, session, options);
}

/** Where to read on in every partition. @throws BrokerError for messages that are not there any more */
function startOf(
  inbox: Inbox,
  { missing }: KafkaSourceOptions,
  ranges: readonly PartitionRange[],
  from: number,
  address: string,
): Map<number, number> {
  const stored = inbox.cursor();
  if (stored === null && from > 0) {
    throw new BrokerError(
      address,
      "gap",
      `the history goes on from sample ${from}, and the order of those before it is lost`,
    );
  }
  const cursor = JSON.parse(stored ?? "{}") as KafkaCursor;
  return new Map(
    ranges.map(({ partition, low, high }) => {
      const next = cursor[partition] ?? low;
      if ((next >= low && next <= high) || missing === "skip") {
        return [partition, Math.min(high, Math.max(low, next))];
      }
      const reason =
        next < low
          ? `messages ${next} to ${low - 1} of partition ${partition} have not been read and are gone`
          : `partition ${partition} ends at ${high}, and was read up to ${next}`;
      throw new BrokerError(address, "gap", reason);
    }),
  );
}

function itemOf(
  { name, topic }: KafkaSourceOptions,
  partition: number,
  { offset, value, headers, timestamp }: KafkaMessage,
): InboxItem {
  const kind = headers?.[KIND_HEADER];
  return {
    kind: String(kind) === "label" ? "label" : "sample",
    row: new Uint8Array(value ?? []),
    origin: `${topic} ${partition}:${offset}`,
    id: `${name}-${partition}-${offset}`,
    eventTimeMs: Number(timestamp),
  };
}
