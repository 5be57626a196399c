import type { ConsumerMessages } from "@nats-io/jetstream";

/** A message of a stream. */
export interface StreamMessage {
  readonly subject: string;
  /** Its place in the stream, from 1. */
  readonly sequence: number;
  readonly data: Uint8Array;
  /** The value of a header; null when it is not there. */
  header(name: string): string | null;
}

/** Messages of a stream, in order, as they come. */
export interface Following extends AsyncIterable<StreamMessage> {
  /** Ends it, at once for who waits for the next message. */
  stop(): void;
}

/** What a reader of the library gives. */
export function followingOf(messages: ConsumerMessages): Following {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const { subject, seq: sequence, data, headers: header } of messages) {
        yield { subject, sequence, data, header: valueIn(header) };
      }
    },
    stop: () => messages.stop(),
  };
}

/** The values of a message's headers. */
export function valueIn(
  header: { has(name: string): boolean; get(name: string): string } | undefined,
): (name: string) => string | null {
  return (name) => (header?.has(name) === true ? header.get(name) : null);
}
