/**
 * The trainer's side of a model's stream:
 *
 *   away ── connected ──► resuming ── this log's chain ──► publishing ──┐ update, anchor, head
 *    ▲ ▲                     │  another log, gone back, nothing        │ │
 *    │ │                     └──► beginning: manifest, anchor, head ──►│ │
 *    │ └── backoff ── lost, refused, another writer ◄──────────────────┘◄┘
 *   stopped ◄── another trainer publishes this model now
 *
 * Training never waits for it: what is not published yet is in memory, in the feed or in the log.
 */
import { type Clock, Random, systemClock } from "@everfresh/core";

import { NatsError, type TransportError } from "../../errors.ts";
import type { Feed } from "../../feed/feed.ts";
import { decodeReplicaMessage } from "../../protocol/message-codec.ts";
import { backoffMs } from "../../replica/backoff.ts";
import type { StateName } from "../../replica/runtime.ts";
import { systemTimers, type Timers } from "../../timers.ts";
import { AnchorShelf } from "./anchor-shelf.ts";
import { ModelStream } from "../../nats/model-stream.ts";
import { ModelBucket } from "./model-bucket.ts";
import { NATS_FEED_LIMITS, type NatsFeedLimits } from "./nats-feed-limits.ts";
import { natsErrorOf } from "../../nats/nats-fault.ts";
import { addressOf, type NatsServer } from "../../nats/nats-server.ts";
import type { StreamWriter } from "./stream-writer.ts";
import { type TakeOver, takeOver } from "./take-over.ts";
import { UnpublishedUpdates } from "./unpublished-updates.ts";

/** How a {@link NatsFeed} is. */
export type NatsFeedState =
  | { readonly kind: "connecting" }
  | { readonly kind: "publishing" }
  /** It tries again by itself. */
  | { readonly kind: "away"; readonly error: TransportError }
  /** It does not try again: another trainer publishes this model now. */
  | { readonly kind: "stopped"; readonly error: TransportError };

/** Options of {@link NatsFeed}. */
export interface NatsFeedOptions extends NatsServer {
  /** Name of the model. */
  readonly model: string;
  /** What is published; it must have made each update durable before. */
  readonly feed: Feed;
  /** @default the machine's own */
  readonly clock?: Clock;
  /** @default the runtime's own */
  readonly timers?: Timers;
  /** Names this publisher, and spreads its attempts out. @default seeded by the runtime */
  readonly random?: Random;
  readonly limits?: NatsFeedLimits;
  /** Called whenever it is another state, and for each other error; must not throw. */
  readonly onState?: (state: NatsFeedState) => void;
}

/** Where one connection publishes to. */
type PublishingSite = Pick<TakeOver, "stream" | "bucket" | "shelf">;

/** Updates that are on their way to the server at a time. */
const BATCH_MAX = 64;

/**
 * Publishes a feed to a NATS server with JetStream, where `natsTransport` reads it. The server may
 * be away at any time, and for any time.
 */
export class NatsFeed implements AsyncDisposable {
  readonly #options: NatsFeedOptions;
  readonly #feed: Feed;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #limits: Required<NatsFeedLimits>;
  readonly #publisher: string;
  readonly #unpublished: UnpublishedUpdates;
  readonly #unsubscribe: () => void;
  readonly #running: Promise<void>;
  #state: NatsFeedState = { kind: "connecting" };
  #published: StateName | null = null;
  #hasPublished = false;
  readonly #closing = new AbortController();
  #attempt = 0;
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();
  #waiters: { readonly version: number; readonly resolve: () => void }[] = [];

  constructor(options: NatsFeedOptions) {
    this.#options = options;
    this.#feed = options.feed;
    this.#clock = options.clock ?? systemClock;
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? new Random(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
    this.#limits = { ...NATS_FEED_LIMITS, ...options.limits };
    this.#publisher = [0, 1].map(() => this.#random.uint32().toString(36)).join("-");
    this.#unpublished = new UnpublishedUpdates(this.#limits.waitingBytesMax);
    this.#unsubscribe = this.#feed.subscribe((span, bytes) => {
      this.#unpublished.push({ span, bytes });
      this.#wake.resolve();
    });
    this.#running = this.#run();
  }

  /** How it is. */
  get state(): NatsFeedState {
    return this.#state;
  }

  /** Where the stream is, as far as the server has acknowledged; null before the first time. */
  get published(): StateName | null {
    return this.#published;
  }

  /** Bytes of updates that wait in memory. */
  get waitingBytes(): number {
    return this.#unpublished.bytes;
  }

  /** Resolves once everything that the feed has published by now is in the stream, or it ends. */
  settled(): Promise<void> {
    const { version } = this.#feed;
    if (this.#closing.signal.aborted || (this.#published?.version ?? -1) >= version)
      return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ version, resolve }));
  }

  /** Publishes the rest where the server is there, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    if (this.#state.kind === "publishing") {
      const late: PromiseWithResolvers<void> = Promise.withResolvers();
      const cancel = this.#timers.after(this.#limits.closeMs, late.resolve);
      await Promise.race([this.settled(), late.promise]);
      cancel();
    }
    this.#closing.abort(new Error("it was closed"));
    this.#wake.resolve();
    await this.#running;
  }

  /** Connects and publishes until it is closed; never throws. */
  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const error = await this.#publishWhileConnected();
      if (error === null) break;
      if (error instanceof NatsError && error.fault === "superseded") {
        this.#tell({ kind: "stopped", error });
        break;
      }
      this.#tell({ kind: "away", error });
      const waitMs = backoffMs(this.#attempt++, this.#random.float(), this.#limits.backoff);
      await this.#pause(waitMs);
    }
    this.#closing.abort();
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  /** One connection; why it ended, or null when it was closed. */
  async #publishWhileConnected(): Promise<TransportError | null> {
    const { model, servers } = this.#options;
    const { signal } = this.#closing;
    const failure = Promise.withResolvers<never>();
    failure.promise.catch(() => undefined);
    const abort = (): void => failure.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    let stream: ModelStream | null = null;
    try {
      const timers = this.#timers;
      stream = await ModelStream.open({ server: this.#options, model, signal, timers });
      const bucket = new ModelBucket(stream);
      const shelf = new AnchorShelf({
        bucket,
        feed: this.#feed,
        clock: this.#clock,
        limits: this.#limits,
        wake: () => this.#wake.resolve(),
        failed: failure.reject,
      });
      stream.hear(stream.names.asks, (data) => this.#hear(data, shelf));
      await Promise.race([this.#publish({ stream, bucket, shelf }), stream.lost, failure.promise]);
      return null;
    } catch (error) {
      return signal.aborted ? null : natsErrorOf(error, `${addressOf(servers)}/${model}`);
    } finally {
      signal.removeEventListener("abort", abort);
      await stream?.close().catch(() => undefined);
    }
  }

  async #publish(site: PublishingSite): Promise<void> {
    const { shelf } = site;
    let writer = await this.#takeOver(site, false);
    this.#tell({ kind: "publishing" });
    while (!this.#closing.signal.aborted) {
      this.#wake = Promise.withResolvers();
      const { at } = writer;
      const { version } = this.#feed;
      if (at.version < version) {
        const updates = this.#unpublished.after(at, BATCH_MAX);
        const missing = updates.length > 0 ? updates : await this.#feed.updatesSince(at);
        if (missing === null) writer = await this.#takeOver(site, true);
        else {
          let { offset } = writer;
          await writer.publish(missing);
          for (const update of missing) shelf.passed(update, (offset += update.bytes.length));
        }
        this.#reached(writer.at);
      }
      const waitMs = await shelf.tend(writer);
      this.#attempt = 0;
      if (writer.at.version === this.#feed.version) await this.#woken(waitMs);
    }
  }

  async #takeOver(site: PublishingSite, anew: boolean): Promise<StreamWriter> {
    const { messagesMax, bytesMax, copies } = this.#limits;
    await site.stream.create({ messagesMax, bytesMax, copies });
    await site.bucket.create(copies);
    const writer = await takeOver({
      ...site,
      feed: this.#feed,
      publisher: this.#publisher,
      hasPublished: this.#hasPublished,
      anew,
    });
    this.#hasPublished = true;
    // What was missed is found in the feed, in fewer bytes.
    this.#unpublished.clear();
    this.#reached(writer.at);
    return writer;
  }

  /** A replica says that it does not get on by what the stream has. */
  #hear(data: Uint8Array, shelf: AnchorShelf): void {
    try {
      const message = decodeReplicaMessage(data);
      if (message.kind !== "resync") return;
      if (message.have !== null && message.have.logId !== this.#feed.logId) return;
    } catch {
      // Anybody may say anything there.
      return;
    }
    shelf.ask();
    this.#wake.resolve();
  }

  #reached(at: StateName): void {
    this.#published = at;
    const isThere = ({ version }: { readonly version: number }): boolean => version <= at.version;
    for (const { resolve } of this.#waiters.filter(isThere)) resolve();
    this.#waiters = this.#waiters.filter((waiter) => !isThere(waiter));
  }

  #tell(state: NatsFeedState): void {
    const before = this.#state;
    this.#state = state;
    const isNews =
      before.kind !== state.kind ||
      ("error" in before && "error" in state && before.error.message !== state.error.message);
    if (isNews) this.#options.onState?.(state);
  }

  async #pause(waitMs: number): Promise<void> {
    const over: PromiseWithResolvers<void> = Promise.withResolvers();
    const cancel = this.#timers.after(waitMs, over.resolve);
    while (!this.#closing.signal.aborted) {
      this.#wake = Promise.withResolvers();
      const isOver = await Promise.race([
        over.promise.then(() => true),
        this.#wake.promise.then(() => false),
      ]);
      if (isOver) break;
    }
    cancel();
  }

  /** Waits for something to do, at most so long. */
  async #woken(waitMs: number | null): Promise<void> {
    const cancel = waitMs === null ? null : this.#timers.after(waitMs, () => this.#wake.resolve());
    await this.#wake.promise;
    cancel?.();
  }
}
