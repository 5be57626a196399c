import { setTimeout as delay } from "node:timers/promises";
import type { Sample } from "@everfresh/core";
import { BrokerError, InboxFullError } from "../errors.ts";
import type { Inbox, InboxCounts, InboxItem, InboxOptions, InboxReceipt } from "../inbox/inbox.ts";
import { messageFields } from "../inbox/message-schema.ts";
import { followingOf } from "../inbox/following-of.ts";
import { replayRows } from "../inbox/replay-rows.ts";
import type { Arrival } from "../sources/following.ts";
import type { ReadOptions, Source } from "../sources/source.ts";

/** Options of every source that reads from a broker. */
export type BrokerOptions = InboxOptions & {
  /**
   * What to do when the broker does not have the messages any more with which reading goes on.
   * @default "refuse"
   */
  readonly missing?: "refuse" | "skip";
};

/**
 * Messages of a broker as samples. They wait in an inbox from when they are read there to when they are
 * in the history, so their positions, once given, do not depend on what the broker keeps. Messages are
 * fetched while somebody reads.
 */
export interface BrokerSource extends Source, AsyncDisposable {
  /** Forgets what is below a position, once it is safe elsewhere. @throws RangeError */
  release(to: number): Promise<void>;
  /** Where what is at a position came from, such as "orders 12"; null when it was released. */
  origin(position: number): Promise<string | null>;
  /** The counts so far. */
  counts(): InboxCounts;
  /** Erases a sample and its label here, not at the broker. Returns whether there was something. */
  erase(id: string): Promise<boolean>;
}

/** Fetches messages into an inbox, over one connection. */
export interface BrokerSession {
  /**
   * Resolves when the signal is aborted; rejects when the connection is lost, or it cannot go on.
   * @param isWell called when messages come, or could
   * @param from the position that is read first
   * @throws BrokerError, and what the inbox throws
   */
  (signal: AbortSignal, isWell: () => void, from: number): Promise<void>;
}

/** Waiting times between attempts to connect, in milliseconds, */
const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 8_000;
/** and how many attempts there are before reading is given up: a quarter of an hour. */
const ATTEMPTS_MAX = 120;

/** What reads from an inbox and, meanwhile, fills it. */
export function brokerSource(
  inbox: Inbox,
  session: BrokerSession,
  options: InboxOptions,
): BrokerSource {
  const { quarantine, schema } = options;
  const { id: idField } = messageFields(schema);
  let readers = 0;
  let end = new AbortController();
  let feeding: Promise<void> = Promise.resolve();
  const enter = (from: number): AbortSignal => {
    if (readers++ > 0) return end.signal;
    const controller = new AbortController();
    end = controller;
    feeding = feeding
      .then(() => keepFeeding(session, controller.signal, from))
      // Whoever reads gets to know.
      .catch((error: unknown) => controller.abort(error));
    return controller.signal;
  };
  const leave = async (): Promise<void> => {
    if (--readers > 0) return;
    end.abort();
    await feeding;
  };
  // An inbox that is younger than the history is filled up to there again.
  const startOf = ({ from = 0 }: ReadOptions): number => Math.min(from, inbox.counts().count);
  const whileFed = async function* <Row>(
    given: ReadOptions,
    rows: (given: ReadOptions) => AsyncIterable<Row>,
  ): AsyncGenerator<Row, void, undefined> {
    given.signal?.throwIfAborted();
    const failed = enter(given.from ?? 0);
    try {
      const signal = AbortSignal.any([given.signal ?? failed, failed]);
      yield* rows({ from: startOf(given), signal });
    } finally {
      await leave();
    }
  };
  const samples = async function* (given: ReadOptions): AsyncGenerator<Sample, void, void> {
    let position = startOf(given);
    for await (const sample of whileFed(given, (some) => inbox.read(some))) {
      if (position++ >= (given.from ?? 0)) yield sample;
    }
  };
  const arrivals = async function* (given: ReadOptions = {}): AsyncGenerator<Arrival, void, void> {
    for await (const arrival of whileFed(given, (some) => inbox.arrivals(some))) {
      if (arrival.place >= (given.from ?? 0)) yield arrival;
    }
  };
  return {
    ...{ name: inbox.name, schema: inbox.schema, size: null, quarantine },
    ...(idField === null ? {} : { idField }),
    ...followingOf({ arrivals, counts: () => inbox.counts() }, options),
    replay: (broken) => replayRows(inbox, schema, broken),
    read: (given = {}) => {
      // Checks the position at once.
      inbox.read(given);
      return samples(given);
    },
    release: (to) => inbox.release(to),
    origin: (position) => inbox.origin(position),
    counts: () => inbox.counts(),
    erase: (id) => inbox.erase(id),
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await feeding;
      await inbox[Symbol.asyncDispose]();
    },
  };
}

/** Connects again when a connection is lost. */
async function keepFeeding(
  session: BrokerSession,
  signal: AbortSignal,
  from: number,
): Promise<void> {
  let attempts = 0;
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    try {
      const isWell = (): void => {
        attempts = 0;
      };
      await session(signal, isWell, from);
    } catch (error) {
      if (isOver()) return;
      const isPassing = error instanceof BrokerError && error.fault === "unreachable";
      if (!isPassing || ++attempts >= ATTEMPTS_MAX) throw error;
      const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (attempts - 1));
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Takes messages into an inbox, once it has room; null when the signal was aborted before. */
export async function takeWithRoom(
  inbox: Inbox,
  items: readonly InboxItem[],
  cursor: string,
  signal: AbortSignal,
): Promise<InboxReceipt | null> {
  while (!signal.aborted) {
    try {
      return await inbox.take(items, cursor);
    } catch (error) {
      // A part of it may have room already.
      if (!(error instanceof InboxFullError)) throw error;
      await inbox.room(signal);
    }
  }
  return null;
}
