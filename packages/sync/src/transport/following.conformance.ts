import { Random, systemClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { ConnectError } from "../errors.ts";
import { Feed } from "../feed/feed.ts";
import { Publisher, smallManifest } from "../publisher.fixture.ts";
import { DeployedRuntime } from "../replica/deployed-runtime.fixture.ts";
import { openReplica } from "../replica/open-replica.ts";
import type { Replica, ReplicaOptions, ReplicaStatus } from "../replica/replica.ts";
import type { Transport } from "./transport.ts";

/** A server that carries one feed at a time to replicas. */
export interface FeedServer extends AsyncDisposable {
  readonly transport: Transport;
  /** A transport of the same kind to where nobody listens. */
  readonly unreachable: Transport;
  /** Serves this feed; connections to the one before it are lost. */
  serve(feed: Feed): void;
  /** Loses every connection and takes none, until the next `serve`. */
  stop(): void;
}

/** What a replica can rely on over every transport: it ends where the feed is. */
export function describeFollowing(name: string, open: () => Promise<FeedServer>): void {
  describe(`a replica over ${name}`, () => {
    it("joins knowing nothing but the address, and follows every update", async () => {
      await using world = await FollowedWorld.open(open);
      world.publish(3);
      await using replica = await world.join();
      expect(replica.manifest).toEqual(smallManifest());
      await world.reached(replica);
      for (let i = 0; i < 20; i++) {
        world.publish(1 + (i % 3));
        await world.reached(replica);
      }
      expect(replica.status()).toMatchObject({ snapshots: 1, rejected: 0, lagVersions: 0 });
      expect(world.unpublished()).toEqual([]);
    });

    it("catches up by updates after the connection was lost", async () => {
      await using world = await FollowedWorld.open(open);
      await using replica = await world.join();
      await world.reached(replica);
      world.server.stop();
      await until(replica, ({ phase }) => phase === "connecting");
      world.publish(5);
      world.server.serve(world.feed);
      await world.reached(replica);
      expect(replica.status()).toMatchObject({ snapshots: 1, rejected: 0 });
    });

    it("goes on after the server has started again, however far that is", async () => {
      await using world = await FollowedWorld.open(open);
      await using replica = await world.join();
      world.publish(2);
      await world.reached(replica);
      world.server.stop();
      world.publish(40);
      world.restart();
      await world.reached(replica);
      world.publish(1);
      await world.reached(replica);
      expect(world.unpublished()).toEqual([]);
    });

    it("takes few bytes for many updates of the same places", async () => {
      await using world = await FollowedWorld.open(open);
      await using replica = await world.join();
      await world.reached(replica);
      world.server.stop();
      await until(replica, ({ phase }) => phase === "connecting");
      const { bytesReceived } = replica.status();
      const published = world.publish(256);
      world.server.serve(world.feed);
      await world.reached(replica);
      const received = replica.status().bytesReceived - bytesReceived;
      expect(received).toBeLessThan(published / 4);
    });

    it("switches to the model of another log", async () => {
      await using world = await FollowedWorld.open(open);
      await using replica = await world.join();
      world.publish(2);
      await world.reached(replica);
      world.server.stop();
      world.restart("log-2");
      await world.reached(replica);
      expect(replica.manifest.logId).toBe("log-2");
    });

    it("is one of several that do not notice each other", async () => {
      await using world = await FollowedWorld.open(open);
      const [first, second] = await Promise.all([world.join(), world.join()]);
      world.publish(3);
      await first[Symbol.asyncDispose]();
      world.publish(3);
      await world.reached(second);
      await second[Symbol.asyncDispose]();
      expect(world.runtime.openSessions).toBe(0);
    });

    it("says where nobody listens", async () => {
      await using world = await FollowedWorld.open(open);
      const { unreachable } = world.server;
      const joining = world.join({ transport: unreachable, connectTimeoutMs: 200 });
      const error: unknown = await joining.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ConnectError);
      expect(String(error)).toContain(unreachable.address);
    });
  });
}

class FollowedWorld implements AsyncDisposable {
  readonly server: FeedServer;
  readonly runtime: DeployedRuntime = new DeployedRuntime();
  #publisher: Publisher = new Publisher(new Random(1));
  readonly #fingerprints: Set<string>[] = [];
  feed: Feed;

  private constructor(server: FeedServer) {
    this.server = server;
    this.feed = this.#openFeed("log-1");
    server.serve(this.feed);
  }

  static async open(open: () => Promise<FeedServer>): Promise<FollowedWorld> {
    return new FollowedWorld(await open());
  }

  join(options: Partial<ReplicaOptions> = {}): Promise<Replica> {
    return openReplica({
      transport: this.server.transport,
      runtime: this.runtime,
      clock: systemClock,
      random: new Random(1),
      limits: { backoff: { baseMs: 5, capMs: 20 } },
      ...options,
    });
  }

  /** Publishes so many updates; returns their bytes. */
  publish(count: number): number {
    let total = 0;
    for (let i = 0; i < count; i++) {
      const { update, bytes } = this.#publisher.next();
      this.feed.publish(update, bytes);
      total += bytes.length;
    }
    return total;
  }

  /** Another process takes over, with the same log or another one. */
  restart(logId = "log-1"): void {
    this.feed[Symbol.dispose]();
    if (logId !== "log-1") this.#publisher = new Publisher(new Random(2));
    this.feed = this.#openFeed(logId);
    this.server.serve(this.feed);
  }

  async reached(replica: Replica): Promise<void> {
    const { fingerprint } = this.#publisher.deployed;
    await until(replica, (status) => status.fingerprint === fingerprint);
  }

  /** What was served and never published. */
  unpublished(): readonly string[] {
    return this.runtime.served.filter(
      (fingerprint) => !this.#fingerprints.some((published) => published.has(fingerprint)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.feed[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
  }

  #openFeed(logId: string): Feed {
    const { deployed, fingerprints } = this.#publisher;
    this.#fingerprints.push(fingerprints);
    return new Feed({ manifest: smallManifest(logId), deployed, clock: systemClock });
  }
}

async function until(
  replica: Replica,
  condition: (status: ReplicaStatus) => boolean,
): Promise<void> {
  for await (const status of replica.states()) if (condition(status)) return;
  throw new Error("the replica was closed");
}
