import { deployCopy, Random, systemClock } from "@everfresh/core";
import { expect } from "vitest";

import type { FeedLimits } from "../feed/feed-connection.ts";
import { Feed } from "../feed/feed.ts";
import { connectNats } from "../node/nats/connect-nats.ts";
import { Publisher, smallManifest } from "../publisher.fixture.ts";
import { DeployedRuntime } from "../replica/deployed-runtime.fixture.ts";
import { openReplica } from "../replica/open-replica.ts";
import type { Replica, ReplicaOptions } from "../replica/replica.ts";
import { systemTimers } from "../timers.ts";
import { ModelStream } from "./model-stream.ts";
import { NatsFeed, type NatsFeedOptions, type NatsFeedState } from "../node/nats/nats-feed.ts";
import { natsTransport } from "./nats-transport.ts";

/** Waiting times of tests: everything is near. */
export const NEAR = { baseMs: 5, capMs: 50 } as const;

/** Options of {@link NatsWorld}. */
export type NatsWorldOptions = Pick<NatsFeedOptions, "servers" | "model"> &
  Partial<Pick<NatsFeedOptions, "limits" | "user" | "pass" | "token" | "credentials">> & {
    readonly feedLimits?: FeedLimits;
  };

/** A trainer's feed that is published to a NATS server, and replicas that follow it there. */
export class NatsWorld implements AsyncDisposable {
  publisher: Publisher = new Publisher(new Random(1));
  readonly runtime: DeployedRuntime = new DeployedRuntime();
  readonly states: NatsFeedState[] = [];
  readonly options: NatsWorldOptions;
  feed: Feed;
  nats: NatsFeed;

  constructor(options: NatsWorldOptions) {
    this.options = options;
    this.feed = this.#openFeed();
    this.nats = this.openNats();
  }

  /** Another trainer process with the same log. */
  async restart(publisher: Publisher = this.publisher): Promise<void> {
    this.publisher = publisher;
    await this.nats[Symbol.asyncDispose]();
    this.feed[Symbol.dispose]();
    this.feed = this.#openFeed();
    this.nats = this.openNats();
  }

  /** The trainer as it is now, as a backup has it; what it goes on with is something else. */
  copyOfPublisher(): Publisher {
    const { state, version } = this.publisher.deployed;
    return new Publisher(new Random(99), deployCopy(state, version));
  }

  /** Publishes the feed once more. */
  openNats(options: Partial<NatsFeedOptions> = {}): NatsFeed {
    return new NatsFeed({
      connect: connectNats,
      feed: this.feed,
      random: new Random(1 + this.states.length),
      ...this.options,
      limits: { backoff: NEAR, anchorIntervalMs: 0, closeMs: 500, ...this.options.limits },
      onState: (state) => this.states.push(state),
      ...options,
    });
  }

  /** Publishes updates; returns their bytes. */
  publish(count: number): number {
    let total = 0;
    for (let i = 0; i < count; i++) {
      const { update, bytes } = this.publisher.next();
      this.feed.publish(update, bytes);
      total += bytes.length;
    }
    return total;
  }

  /** Publishes updates, each as a message of its own; returns their bytes. */
  async publishEach(count: number): Promise<number> {
    let total = 0;
    for (let i = 0; i < count; i++) {
      total += this.publish(1);
      await this.nats.settled();
    }
    return total;
  }

  join(options: Partial<ReplicaOptions> & { readonly servers?: string } = {}): Promise<Replica> {
    const { servers = this.options.servers, ...others } = options;
    return openReplica({
      transport: natsTransport({ connect: connectNats, ...this.options, servers, beatMs: 1_000 }),
      runtime: this.runtime,
      clock: systemClock,
      random: new Random(1),
      limits: { backoff: NEAR },
      ...others,
    });
  }

  /** Until the replica serves what the trainer has. */
  async reached(replica: Replica): Promise<void> {
    for await (const { fingerprint } of replica.states()) {
      if (fingerprint === this.publisher.deployed.fingerprint) return;
    }
    throw new Error("the replica was closed");
  }

  /** Until the trainer's side is in such a state. */
  async is(kind: NatsFeedState["kind"]): Promise<void> {
    await expect.poll(() => this.nats.state.kind, { interval: 2 }).toBe(kind);
  }

  /** What was served and never published. */
  unpublished(): readonly string[] {
    return this.runtime.served.filter((name) => !this.publisher.fingerprints.has(name));
  }

  /** The stream, for who meddles with it. */
  stream(): Promise<ModelStream> {
    const { signal } = new AbortController();
    const server = { connect: connectNats, ...this.options };
    return ModelStream.open({ server, model: this.options.model, signal, timers: systemTimers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nats[Symbol.asyncDispose]();
    this.feed[Symbol.dispose]();
  }

  #openFeed(): Feed {
    const { deployed } = this.publisher;
    const { feedLimits: limits = {} } = this.options;
    return new Feed({ manifest: smallManifest(), deployed, clock: systemClock, limits });
  }
}
